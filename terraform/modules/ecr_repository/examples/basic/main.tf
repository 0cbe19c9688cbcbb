terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "tagged_count" {
  description = "Number of tagged images that are kept."
  type        = number
  default     = 50
}

module "ecr_repository" {
  source = "../.."

  name         = "example-dev-platform"
  tagged_count = var.tagged_count
  tags         = { purpose = "images" }
}

output "url" {
  description = "Address for push and pull."
  value       = module.ecr_repository.url
}
