terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "databases" {
  description = "Glue databases dbt builds in."
  type        = list(string)
  default     = ["analytics", "analytics_*"]
}

module "warehouse_access" {
  source = "../.."

  partition  = "aws"
  region     = "eu-west-1"
  account_id = "123456789012"

  warehouse = {
    engine     = "athena"
    work_group = "analytics"
    databases  = var.databases
    locations  = ["s3://example-dev-warehouse/tables/", "s3://example-dev-warehouse/results/"]
  }
}

resource "aws_iam_policy" "build" {
  name   = "example-dev-athena"
  policy = jsonencode({ Version = "2012-10-17", Statement = module.warehouse_access.statements })
}

output "policy_arn" {
  description = "Attach it to what builds."
  value       = aws_iam_policy.build.arn
}
