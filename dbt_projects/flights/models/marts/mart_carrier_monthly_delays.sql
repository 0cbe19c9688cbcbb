with monthly as (

    select
        carrier_code,
        cast({{ dbt.date_trunc('month', 'flight_date') }} as date) as flight_month,
        count(*) as scheduled_flights,
        {{ count_if("flight_status = 'cancelled'") }} as cancelled_flights,
        {{ count_if("flight_status = 'diverted'") }} as diverted_flights,
        {{ count_if("flight_status = 'delayed'") }} as delayed_flights,
        {{ mean('departure_delay_minutes') }} as mean_departure_delay_minutes,
        {{ mean('arrival_delay_minutes') }} as mean_arrival_delay_minutes
    from {{ ref('fct_flights') }}
    group by 1, 2

)

select
    monthly.carrier_code,
    carriers.carrier_name,
    monthly.flight_month,
    monthly.scheduled_flights,
    monthly.cancelled_flights,
    monthly.diverted_flights,
    monthly.delayed_flights,
    {{ share('monthly.delayed_flights', 'monthly.scheduled_flights') }} as delayed_share,
    monthly.mean_departure_delay_minutes,
    monthly.mean_arrival_delay_minutes
from monthly
left join {{ ref('dim_carriers') }} as carriers on monthly.carrier_code = carriers.carrier_code
