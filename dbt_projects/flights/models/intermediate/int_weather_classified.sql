select
    *,
    case
        when visibility_miles < 3 then 'low visibility'
        when precipitation_inches > 0 then 'rain or snow'
        when wind_speed_mph >= 25 then 'strong wind'
        else 'fair'
    end as weather_condition
from {{ ref('stg_weather') }}
