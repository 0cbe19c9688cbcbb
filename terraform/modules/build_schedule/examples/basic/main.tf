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

module "build_schedule" {
  source = "../.."

  name        = "example-dev-dbt-flights-start"
  account_id  = "123456789012"
  project_arn = "arn:aws:codebuild:eu-west-1:123456789012:project/example-dev-dbt-flights"
  expression  = "cron(0 2 * * ? *)"
  timezone    = var.timezone
  tags        = { purpose = "schedules" }
}

output "arn" {
  description = "ARN of the schedule."
  value       = module.build_schedule.arn
}
