with flights as (

    select * from {{ ref('stg_flights') }}

),

with_status as (

    select
        *,
        case
            when departure_hhmm is null then 'cancelled'
            -- It left, but no arrival delay is known: it landed elsewhere.
            when arrival_delay_minutes is null then 'diverted'
            when arrival_delay_minutes >= {{ var('delay_threshold_minutes') }} then 'delayed'
            else 'on_time'
        end as flight_status
    from flights

)

select
    {{ dbt.hash(dbt.concat([
        "carrier_code", "'|'",
        dbt.cast("flight_number", dbt.type_string()), "'|'",
        "origin_airport", "'|'",
        dbt.cast("scheduled_hour_utc", dbt.type_string()),
    ])) }} as flight_id,
    with_status.*
from with_status
