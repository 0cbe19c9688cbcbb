output "name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.this.arn
}

output "vpc_id" {
  description = "VPC that tasks run in."
  value       = one(concat(data.aws_vpc.default[*].id, data.aws_subnet.given[*].vpc_id))
}

output "subnet_ids" {
  description = "Subnets that tasks run in."
  value       = length(var.subnet_ids) == 0 ? sort(data.aws_subnets.default[0].ids) : var.subnet_ids
}
