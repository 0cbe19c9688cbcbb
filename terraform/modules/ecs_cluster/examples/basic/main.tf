terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "container_insights" {
  description = "CloudWatch metrics of tasks."
  type        = string
  default     = "enabled"
}

module "ecs_cluster" {
  source = "../.."

  name               = "example-dev"
  container_insights = var.container_insights
  tags               = { purpose = "ingest" }
}

output "arn" {
  description = "For RunTask."
  value       = module.ecs_cluster.arn
}
