terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "prefix" {
  description = "What the job reads."
  type        = string
  default     = "flights/"
}

module "ingest_access" {
  source = "../.."

  partition  = "aws"
  region     = "eu-west-1"
  account_id = "123456789012"
  s3_access  = [{ bucket_arn = "arn:aws:s3:::example-dev-raw", prefix = var.prefix }]
}

resource "aws_iam_policy" "work" {
  name   = "example-dev-ingest"
  policy = jsonencode({ Version = "2012-10-17", Statement = module.ingest_access.statements })
}

output "policy_arn" {
  description = "Attach it to what loads."
  value       = aws_iam_policy.work.arn
}
