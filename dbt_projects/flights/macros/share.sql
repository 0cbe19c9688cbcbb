{#- part / whole as a fraction between 0 and 1, null for an empty whole; integer division differs between warehouses. -#}
{%- macro share(part, whole) -%}
    {{ dbt.cast(part, dbt.type_float()) }} / nullif({{ whole }}, 0)
{%- endmacro -%}

{#- How many rows meet `condition`; `count(*) filter (...)` is not portable. -#}
{%- macro count_if(condition) -%}
    sum(case when {{ condition }} then 1 else 0 end)
{%- endmacro -%}

{#- Mean of a column of whole numbers, with its fraction: Redshift's avg of integers is an integer. -#}
{%- macro mean(column) -%}
    avg({{ dbt.cast(column, dbt.type_float()) }})
{%- endmacro -%}
