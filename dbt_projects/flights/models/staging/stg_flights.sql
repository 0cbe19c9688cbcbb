select
    carrier as carrier_code,
    flight as flight_number,
    tailnum as tail_number,
    origin as origin_airport,
    dest as destination_airport,
    {{ date_from_parts('year', 'month', 'day') }} as flight_date,
    cast(time_hour as {{ dbt.type_timestamp() }}) as scheduled_hour_utc,
    sched_dep_time as scheduled_departure_hhmm,
    dep_time as departure_hhmm,
    dep_delay as departure_delay_minutes,
    sched_arr_time as scheduled_arrival_hhmm,
    arr_time as arrival_hhmm,
    arr_delay as arrival_delay_minutes,
    air_time as air_time_minutes,
    distance as distance_miles
from {{ source('nyc', 'flights') }}
