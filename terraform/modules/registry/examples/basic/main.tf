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
  description = "Tags of every resource."
  type        = map(string)
  default     = { purpose = "images and sources" }
}

module "registry" {
  source = "../.."

  name          = "example"
  environment   = "dev"
  organizations = ["example-org", "gitlab/example-group"]
  tags          = var.tags
}

output "repository_url" {
  description = "Address for push and pull."
  value       = module.registry.repository_url
}

output "to_approve" {
  description = "Where somebody has to approve a connection."
  value       = { for owner, one in module.registry.connections : owner => one.console_url if one.console_url != null }
}
