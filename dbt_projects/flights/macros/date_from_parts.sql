{#- The calendar date of three whole numbers, on every warehouse. -#}
{%- macro date_from_parts(year, month, day) -%}
    cast(
        {{ dbt.concat([
            dbt.cast(year, dbt.type_string()),
            "'-'",
            "lpad(" ~ dbt.cast(month, dbt.type_string()) ~ ", 2, '0')",
            "'-'",
            "lpad(" ~ dbt.cast(day, dbt.type_string()) ~ ", 2, '0')",
        ]) }}
        as date
    )
{%- endmacro -%}
