terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "noncurrent_version_days" {
  description = "Days an older version of a state is kept."
  type        = number
  default     = 90
}

module "state_backend" {
  source = "../.."

  bucket_name             = "example-dev-tfstate-123456789012-eu-west-1"
  lock_table_name         = "example-dev-tflocks"
  noncurrent_version_days = var.noncurrent_version_days
  tags                    = { purpose = "terraform state" }
}

output "bucket" {
  description = "For the `backend \"s3\"` block of other roots."
  value       = module.state_backend.bucket
}
