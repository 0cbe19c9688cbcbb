output "vpc_id" {
  value = module.network.vpc_id
}

output "subnets" {
  value = { for name, id in zipmap(module.network.private_cidrs, module.network.private_subnet_ids) : name => id... }
}

output "everything" {
  value = merge({ endpoints = module.endpoints.ids }, { group = aws_security_group.database.id })
}
