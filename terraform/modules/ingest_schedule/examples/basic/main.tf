terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "timezone" {
  description = "Time zone of the schedule."
  type        = string
  default     = "UTC"
}

module "ingest_schedule" {
  source = "../.."

  name                   = "example-dev-acme-flights_schedule"
  account_id             = "123456789012"
  expression             = "cron(0 2 * * ? *)"
  timezone               = var.timezone
  dead_letter_queue_name = "example-dev-acme-flights_unstarted"

  task = {
    cluster_arn         = "arn:aws:ecs:eu-west-1:123456789012:cluster/example-dev"
    task_definition_arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/example-dev-acme-flights:1"
    role_arns           = ["arn:aws:iam::123456789012:role/example-dev-acme-flights"]
    subnet_ids          = ["subnet-0123456789abcdef0"]
    security_group_ids  = ["sg-0123456789abcdef0"]
  }

  tags = { tenant = "acme" }
}

output "arn" {
  description = "ARN of the schedule."
  value       = module.ingest_schedule.arn
}
