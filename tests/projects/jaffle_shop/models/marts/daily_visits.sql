{{ config(materialized='incremental', unique_key='day') }}
select cast(loaded_at as date) as day, count(*) as visits from {{ ref('stg_visits') }}
{% if is_incremental() %} where loaded_at >= (select max(day) from {{ this }}) {% endif %}
group by 1
