select
    tailnum as tail_number,
    year as year_built,
    type as plane_type,
    manufacturer,
    model,
    engines as engine_count,
    engine as engine_type,
    seats as seat_count,
    speed as cruising_speed_mph
from {{ source('nyc', 'planes') }}
