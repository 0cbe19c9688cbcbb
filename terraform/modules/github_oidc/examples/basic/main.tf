terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "plan_branches" {
  description = "Branches whose workflows may plan."
  type        = list(string)
  default     = ["main"]
}

module "github_oidc" {
  source = "../.."

  organization      = "example-org"
  repository        = "skyline"
  plan_role_name    = "example-dev-github-plan"
  plan_branches     = var.plan_branches
  apply_role_name   = "example-dev-github-apply"
  apply_environment = "dev"
  state_bucket_arn  = "arn:aws:s3:::example-dev-tfstate-123456789012-eu-west-1"
  lock_table_arn    = "arn:aws:dynamodb:eu-west-1:123456789012:table/example-dev-tflocks"

  apply_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["sqs:*"], Resource = ["arn:aws:sqs:eu-west-1:123456789012:example-dev-*"] },
    ]
  })

  tags = { purpose = "continuous integration" }
}

output "plan_role_arn" {
  description = "For `role-to-assume` in the plan workflow."
  value       = module.github_oidc.plan_role_arn
}
