select o.order_id from {{ ref('orders') }} o
join {{ ref('customers') }} c on c.customer_id = o.customer_id where o.amount is null
