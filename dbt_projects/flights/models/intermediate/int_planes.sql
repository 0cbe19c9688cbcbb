-- As with airports: a plane that flew but is not in the registry gets a row of its tail number alone.
with listed as (

    select * from {{ ref('stg_planes') }}

),

flown as (

    select
        tail_number,
        count(*) as scheduled_flights
    from {{ ref('stg_flights') }}
    where tail_number is not null
    group by tail_number

)

select
    coalesce(listed.tail_number, flown.tail_number) as tail_number,
    listed.manufacturer,
    listed.model,
    listed.plane_type,
    listed.year_built,
    listed.engine_count,
    listed.engine_type,
    listed.seat_count,
    listed.tail_number is not null as is_listed,
    coalesce(flown.scheduled_flights, 0) as scheduled_flights
from listed
full outer join flown on listed.tail_number = flown.tail_number
