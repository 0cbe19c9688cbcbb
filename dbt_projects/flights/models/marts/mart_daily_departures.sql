select
    origin_airport,
    flight_date,
    count(*) as scheduled_flights,
    {{ count_if("flight_status = 'cancelled'") }} as cancelled_flights,
    {{ count_if("flight_status = 'delayed'") }} as delayed_flights,
    {{ mean('departure_delay_minutes') }} as mean_departure_delay_minutes
from {{ ref('fct_flights') }}
group by 1, 2
