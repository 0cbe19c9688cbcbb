terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "schedules_enabled" {
  description = "Whether schedules fire."
  type        = bool
  default     = true
}

module "dbt" {
  source = "../.."

  name        = "example"
  environment = "dev"
  config_file = "${path.module}/codebuild-config.yml"
  image       = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example-dev-dbt:3f1c9a20b7de"

  connection_arns = {
    example-org = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c4d0e-2f6e-4b6e-9d55-7f0f5a1c2d3e"
  }
  warehouses = {
    athena = {
      work_group = "analytics"
      databases  = ["analytics", "analytics_*"]
      locations  = ["s3://example-dev-warehouse/tables/"]
    }
  }

  schedules_enabled = var.schedules_enabled
  tags              = { purpose = "dbt" }
}

output "projects" {
  description = "The projects."
  value       = module.dbt.projects
}
