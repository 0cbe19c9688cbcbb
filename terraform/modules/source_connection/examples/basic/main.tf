terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "tags" {
  description = "Tags of the connection."
  type        = map(string)
  default     = { purpose = "dbt sources" }
}

module "source_connection" {
  source = "../.."

  name = "example-dev-example-org"
  tags = var.tags
}

output "console_url" {
  description = "Where to approve the connection; null once that is done."
  value       = module.source_connection.console_url
}
