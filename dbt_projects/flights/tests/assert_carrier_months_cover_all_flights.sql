-- Adding up the months of all carriers gives every flight exactly once. Shown as a check on the mart.
{{ config(meta={"dagster": {"ref": {"name": "mart_carrier_monthly_delays"}}}) }}

select totals.in_mart, totals.in_facts
from (
    select
        (select sum(scheduled_flights) from {{ ref('mart_carrier_monthly_delays') }}) as in_mart,
        (select count(*) from {{ ref('fct_flights') }}) as in_facts
) as totals
where totals.in_mart <> totals.in_facts
