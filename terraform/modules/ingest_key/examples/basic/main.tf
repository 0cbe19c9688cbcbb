terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "deletion_window_days" {
  description = "Days between the end of the key and that of everything encrypted with it."
  type        = number
  default     = 30
}

module "ingest_key" {
  source = "../.."

  name                 = "example-dev-acme-flights"
  account_id           = "123456789012"
  log_group_name       = "/example/dev/ingest/acme/encrypted"
  deletion_window_days = var.deletion_window_days
  tags                 = { tenant = "acme" }
}

output "arn" {
  description = "For a log group's kms_key_id."
  value       = module.ingest_key.arn
}
