select o.order_id, o.customer_id, o.status from {{ ref('stg_orders') }} o
