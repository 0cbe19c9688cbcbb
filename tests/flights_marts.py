"""What the row count of every mart of the flights project is, as SQL over the raw tables of schema `nyc`."""

_SERVED = "select origin from nyc.flights union select dest from nyc.flights"

ROW_COUNTS = {
    "fct_flights": "select count(*) from nyc.flights",
    "dim_airports": f"select count(*) from (select faa from nyc.airports union {_SERVED})",
    "dim_carriers": "select count(*) from nyc.airlines",
    "dim_planes": """
        select count(*) from (
            select tailnum from nyc.planes union select tailnum from nyc.flights where tailnum is not null
        )""",
    "mart_carrier_monthly_delays": "select count(distinct (carrier, month)) from nyc.flights",
    "mart_daily_departures": "select count(distinct (origin, month, day)) from nyc.flights",
    "mart_route_performance": "select count(distinct (origin, dest)) from nyc.flights",
    "mart_weather_impact": """
        select count(distinct (f.origin, case
            when w.origin is null then 'not observed'
            when w.visib < 3 then 'low visibility'
            when w.precip > 0 then 'rain or snow'
            when w.wind_speed >= 25 and w.wind_speed <= 200 then 'strong wind'
            else 'fair' end))
        from nyc.flights f left join nyc.weather w on f.origin = w.origin and f.time_hour = w.time_hour""",
}
