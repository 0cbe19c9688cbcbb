-- One row per flight; hours without an observation keep their flights, as 'not observed'.
select
    flights.flight_id,
    flights.origin_airport,
    flights.flight_date,
    flights.flight_status,
    flights.departure_delay_minutes,
    coalesce(weather.weather_condition, 'not observed') as weather_condition,
    weather.temperature_f,
    weather.wind_speed_mph,
    weather.precipitation_inches,
    weather.visibility_miles
from {{ ref('int_flights_classified') }} as flights
left join {{ ref('int_weather_classified') }} as weather
    on flights.origin_airport = weather.airport_code
    and flights.scheduled_hour_utc = weather.observed_hour_utc
