with routes as (

    select
        origin_airport,
        destination_airport,
        count(*) as scheduled_flights,
        count(distinct carrier_code) as carriers,
        {{ count_if("flight_status = 'cancelled'") }} as cancelled_flights,
        {{ count_if("flight_status = 'delayed'") }} as delayed_flights,
        {{ mean('arrival_delay_minutes') }} as mean_arrival_delay_minutes,
        {{ mean('air_time_minutes') }} as mean_air_time_minutes,
        max(distance_miles) as distance_miles
    from {{ ref('fct_flights') }}
    group by 1, 2

)

select
    routes.origin_airport,
    routes.destination_airport,
    airports.airport_name as destination_name,
    routes.distance_miles,
    routes.carriers,
    routes.scheduled_flights,
    routes.cancelled_flights,
    routes.delayed_flights,
    {{ share('routes.delayed_flights', 'routes.scheduled_flights') }} as delayed_share,
    routes.mean_arrival_delay_minutes,
    routes.mean_air_time_minutes
from routes
left join {{ ref('dim_airports') }} as airports on routes.destination_airport = airports.airport_code
