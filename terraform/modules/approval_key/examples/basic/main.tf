terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "deletion_window_days" {
  description = "Days between the deletion of the key and its end."
  type        = number
  default     = 30
}

module "approval_key" {
  source = "../.."

  alias                = "example-dev-approvals"
  role_name            = "example-dev-approver"
  principals           = ["arn:aws:iam::123456789012:role/platform-lead"]
  plans_arn            = "arn:aws:s3:::example-dev-tfstate-123456789012-eu-west-1/plans"
  deletion_window_days = var.deletion_window_days
  tags                 = { purpose = "approvals" }

  github = {
    provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    organization = "example-org"
    repository   = "skyline"
    environment  = "approval"
  }
}

output "role_arn" {
  description = "For `role-to-assume` in the workflow that approves."
  value       = module.approval_key.role_arn
}
