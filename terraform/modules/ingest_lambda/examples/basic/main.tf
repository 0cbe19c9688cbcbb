terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "memory" {
  description = "Memory of the function in MB."
  type        = number
  default     = 1024
}

module "ingest_lambda" {
  source = "../.."

  name               = "example-dev-acme-customers"
  account_id         = "123456789012"
  role_name          = "example-dev-acme-customers-work"
  log_group_name     = "/example/dev/ingest/acme/customers"
  log_retention_days = 30
  own_key            = true

  image                = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example-dev-platform:3f1c9a20b7de"
  command              = ["ingest.handler"]
  memory               = var.memory
  timeout              = 600
  reserved_concurrency = 2

  environment = { LOG_LEVEL = "INFO" }
  secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:customers-api-a1b2c3:token::"]

  s3_access = [
    { bucket_arn = "arn:aws:s3:::example-dev-raw", prefix = "customers/" },
  ]

  dead_letter_queue_name = "example-dev-acme-customers-failed"
  alarm_name             = "example-dev-acme-customers"
  alarm_topic_arns       = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
  tags                   = { tenant = "acme" }
}

output "function_name" {
  description = "For Invoke."
  value       = module.ingest_lambda.function_name
}
