select
    origin_airport,
    weather_condition,
    count(*) as scheduled_flights,
    {{ count_if("flight_status = 'cancelled'") }} as cancelled_flights,
    {{ share(count_if("flight_status = 'cancelled'"), 'count(*)') }} as cancelled_share,
    {{ mean('departure_delay_minutes') }} as mean_departure_delay_minutes
from {{ ref('int_flights_with_weather') }}
group by 1, 2
