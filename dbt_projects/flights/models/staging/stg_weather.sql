select
    origin as airport_code,
    cast(time_hour as {{ dbt.type_timestamp() }}) as observed_hour_utc,
    temp as temperature_f,
    dewp as dew_point_f,
    humid as relative_humidity_percent,
    wind_dir as wind_direction_degrees,
    -- 1,048 mph stands in the raw data once; no wind at an airport exceeds 200.
    case when wind_speed <= 200 then wind_speed end as wind_speed_mph,
    wind_gust as wind_gust_mph,
    precip as precipitation_inches,
    pressure as pressure_millibars,
    visib as visibility_miles
from {{ source('nyc', 'weather') }}
