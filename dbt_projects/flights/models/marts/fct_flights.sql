select
    flight_id,
    flight_date,
    carrier_code,
    flight_number,
    tail_number,
    origin_airport,
    destination_airport,
    scheduled_hour_utc,
    flight_status,
    departure_delay_minutes,
    arrival_delay_minutes,
    air_time_minutes,
    distance_miles
from {{ ref('int_flights_classified') }}
