select v.customer_id, c.name as campaign, v.loaded_at
from {{ source('web', 'visits') }} v left join {{ source('web', 'campaigns') }} c on c.id = v.campaign_id
