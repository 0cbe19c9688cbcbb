variable "alias" {
  description = "Name of the key, without `alias/`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9/_-]{1,250}$", var.alias)) && !startswith(var.alias, "aws/")
    error_message = "An alias has 1 to 250 letters, digits, slashes, underscores and hyphens, and does not begin with aws/."
  }
}

variable "role_name" {
  description = "Name of the approver role, the only one that can sign."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "principals" {
  description = "ARNs of the users and roles that may take on the approver role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.principals : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:(user|role)/[A-Za-z0-9+=,.@_/-]+$", arn))])
    error_message = "Name users and roles by their ARN; whole accounts and wildcards are refused."
  }

  validation {
    condition     = length(var.principals) > 0 || var.github != null
    error_message = "Somebody must be able to approve: give principals, github or both."
  }
}

variable "github" {
  description = "Environment on GitHub whose workflows may take on the approver role, and the account's OIDC provider; null for none."
  type = object({
    provider_arn = string
    organization = string
    repository   = string
    environment  = string
  })
  default = null

  validation {
    condition = var.github == null ? true : alltrue([
      for part in [var.github.organization, var.github.repository, var.github.environment] : can(regex("^[A-Za-z0-9._-]+$", part))
    ])
    error_message = "Organization, repository and environment are names; a wildcard would let others in."
  }
}

variable "plans_arn" {
  description = "ARN of the stored plans (`BUCKET_ARN/plans`); approvers read their records and store approvals beside them."
  type        = string
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days between the deletion of the key and its end."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "KMS waits 7 to 30 days."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the approver role can ever do."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
