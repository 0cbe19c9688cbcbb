output "vpc_id" {
  value = local.vpc_id
}

output "private_subnet_ids" {
  value = aws_subnet.private[*].id
}

output "private_cidrs" {
  value = var.private_subnets
}

output "private_route_table_ids" {
  value = aws_route_table.private[*].id
}

output "database_route_table_ids" {
  value = coalescelist(aws_route_table.private[*].id, ["none"])
}
