-- The registry lacks some airports that flights go to (all in Puerto Rico and the Virgin Islands): they get a row of
-- their code alone, so that no flight loses its destination in a join.
with listed as (

    select * from {{ ref('stg_airports') }}

),

served as (

    -- `union distinct` and plain `union` are not both known to every warehouse; `union all` is.
    select distinct airport_code
    from (
        select origin_airport as airport_code from {{ ref('stg_flights') }}
        union all
        select destination_airport as airport_code from {{ ref('stg_flights') }}
    ) as ends

)

select
    coalesce(listed.airport_code, served.airport_code) as airport_code,
    listed.airport_name,
    listed.latitude,
    listed.longitude,
    listed.altitude_feet,
    listed.utc_offset_hours,
    listed.time_zone,
    listed.airport_code is not null as is_listed,
    served.airport_code is not null as is_served
from listed
full outer join served on listed.airport_code = served.airport_code
