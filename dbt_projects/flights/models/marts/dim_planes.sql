select
    tail_number,
    manufacturer,
    model,
    plane_type,
    year_built,
    engine_count,
    engine_type,
    seat_count,
    is_listed,
    scheduled_flights
from {{ ref('int_planes') }}
