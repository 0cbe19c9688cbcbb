variable "create" {
  type    = bool
  default = true
}

variable "vpc_id" {
  type    = string
  default = null
}

variable "endpoints" {
  type    = any
  default = {}
}

locals {
  made = { for name, endpoint in var.endpoints : name => endpoint if var.create && try(endpoint.create, true) }
}

data "aws_region" "current" {
  count = var.create ? 1 : 0
}

resource "aws_vpc_endpoint" "this" {
  for_each = local.made

  vpc_id            = var.vpc_id
  service_name      = "com.amazonaws.${data.aws_region.current[0].name}.${each.value.service}"
  vpc_endpoint_type = try(each.value.type, "Gateway")
  route_table_ids   = try(distinct(each.value.route_table_ids), null)
}

output "ids" {
  value = { for name, endpoint in aws_vpc_endpoint.this : name => endpoint.id }
}

output "vpc_id" {
  value = var.vpc_id
}
