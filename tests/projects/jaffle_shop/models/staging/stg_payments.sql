{{ config(materialized='ephemeral') }}
select id as payment_id, order_id, method, {{ cents_to_money('cents') }} as amount from {{ ref('raw_payments') }}
