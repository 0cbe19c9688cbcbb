terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "log_level" {
  description = "How much the job logs."
  type        = string
  default     = "INFO"
}

module "ingest_ecs_task" {
  source = "../.."

  name                = "example-dev-acme-flights"
  account_id          = "123456789012"
  execution_role_name = "example-dev-acme-flights-start"
  task_role_name      = "example-dev-acme-flights"
  log_group_name      = "/example/dev/ingest/acme/flights"
  log_retention_days  = 30
  own_key             = true
  alarm_name          = "example-dev-acme-flights_failed"

  image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example-dev-platform:3f1c9a20b7de"
  repository_arn = "arn:aws:ecr:eu-west-1:123456789012:repository/example-dev-platform"
  command        = ["python", "-m", "ingest"]
  cpu            = 512
  memory         = 1024

  environment = { LOG_LEVEL = var.log_level }
  secrets = {
    API_TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:flights-api-a1b2c3:token::"
  }

  s3_access = [
    { bucket_arn = "arn:aws:s3:::example-dev-raw", prefix = "flights/" },
  ]

  tags = { tenant = "acme" }
}

output "task_definition_arn" {
  description = "For RunTask."
  value       = module.ingest_ecs_task.task_definition_arn
}
