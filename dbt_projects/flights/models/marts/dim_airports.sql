select
    airport_code,
    airport_name,
    latitude,
    longitude,
    altitude_feet,
    utc_offset_hours,
    time_zone,
    is_listed,
    is_served
from {{ ref('int_airports') }}
