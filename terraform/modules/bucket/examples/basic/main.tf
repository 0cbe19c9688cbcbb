terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "raw_days" {
  description = "Days after which an object in the landing prefix is deleted."
  type        = number
  default     = 90
}

module "bucket" {
  source = "../.."

  name        = "example-dev-raw-123456789012-eu-west-1"
  account_id  = "123456789012"
  expire_days = { "landing/" = var.raw_days }

  notifications = {
    queue_name = "example-dev-raw-events"
    prefix     = "landing/"
  }

  tags = { purpose = "raw data" }
}

output "queue_url" {
  description = "Where the sensor reads object events."
  value       = module.bucket.queue_url
}
