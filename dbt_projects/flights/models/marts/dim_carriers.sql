with flights as (

    select
        carrier_code,
        count(*) as scheduled_flights,
        min(flight_date) as first_flight_date,
        max(flight_date) as last_flight_date
    from {{ ref('stg_flights') }}
    group by carrier_code

)

select
    airlines.carrier_code,
    airlines.carrier_name,
    coalesce(flights.scheduled_flights, 0) as scheduled_flights,
    flights.first_flight_date,
    flights.last_flight_date
from {{ ref('stg_airlines') }} as airlines
left join flights on airlines.carrier_code = flights.carrier_code
