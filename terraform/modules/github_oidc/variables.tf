variable "organization" {
  description = "GitHub organization or user that owns the repository, in its own upper and lower case."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9](-?[A-Za-z0-9])*$", var.organization))
    error_message = "An organization has letters, digits and single hyphens; a wildcard would let others in."
  }
}

variable "repository" {
  description = "Name of the repository whose workflows take on the roles."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.repository))
    error_message = "A repository has letters, digits, dots, hyphens and underscores; a wildcard would let others in."
  }
}

variable "create_provider" {
  description = "Make the account's OIDC provider for GitHub; false where it exists already (an account has one at most)."
  type        = bool
  default     = true
  nullable    = false
}

variable "plan_role_name" {
  description = "Name of the role that plans."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.plan_role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "plan_branches" {
  description = "Branches whose workflows may plan."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for branch in var.plan_branches : can(regex("^[A-Za-z0-9._/-]+$", branch))])
    error_message = "Name each branch; a wildcard is refused."
  }

  validation {
    condition     = length(var.plan_branches) > 0 || var.plan_pull_requests
    error_message = "The plan role needs a branch, or pull requests, that may take it on."
  }
}

variable "plan_pull_requests" {
  description = "Let pull requests plan. GitHub gives the workflows of a fork no token."
  type        = bool
  default     = true
  nullable    = false
}

variable "plan_managed_policy_arns" {
  description = "Policies that let the plan role read resources, such as ReadOnlyAccess; without any it can plan without refresh only."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "apply_role_name" {
  description = "Name of the role that applies."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.apply_role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "apply_environment" {
  description = "GitHub environment, with its reviewers, whose jobs may apply."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+$", var.apply_environment))
    error_message = "An environment has letters, digits, dots, hyphens and underscores; a wildcard is refused."
  }
}

variable "apply_policy" {
  description = "Policy document (JSON) of what the apply role may do besides reading and writing states and plans."
  type        = string
  default     = null

  validation {
    condition     = var.apply_policy == null || can(jsondecode(var.apply_policy).Statement)
    error_message = "apply_policy is a policy document in JSON."
  }
}

variable "apply_managed_policy_arns" {
  description = "Policies attached to the apply role."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.apply_managed_policy_arns : !endswith(arn, ":aws:policy/AdministratorAccess")
    ])
    error_message = "A workflow with AdministratorAccess owns the account; give it what it applies."
  }
}

variable "apply_session_seconds" {
  description = "Longest session of the apply role."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.apply_session_seconds >= 3600 && var.apply_session_seconds <= 43200
    error_message = "IAM allows sessions of 3600 to 43200 seconds."
  }
}

variable "state_bucket_arn" {
  description = "ARN of the bucket that holds states, locks and plans."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:]+:s3:::[a-z0-9.-]+$", var.state_bucket_arn))
    error_message = "state_bucket_arn is the ARN of a bucket."
  }
}

variable "state_prefix" {
  description = "Key prefix of the states (and of their locks)."
  type        = string
  default     = "stacks/"
  nullable    = false

  validation {
    condition     = !strcontains(var.state_prefix, "*")
    error_message = "A prefix has no wildcard; everything below it is meant anyway."
  }
}

variable "plan_prefix" {
  description = "Key prefix of the saved plans."
  type        = string
  default     = "plans/"
  nullable    = false

  validation {
    condition     = can(regex("^[^*]+/$", var.plan_prefix))
    error_message = "The plans' prefix ends in a slash and has no wildcard: an empty one would let the plan role write states."
  }

  validation {
    condition     = var.state_prefix != "" && !startswith(var.plan_prefix, var.state_prefix) && !startswith(var.state_prefix, var.plan_prefix)
    error_message = "Plans and states have prefixes of their own: the plan role writes plans and must not write states."
  }
}

variable "lock_table_arn" {
  description = "ARN of the DynamoDB lock table; null when S3's own lock is the only one."
  type        = string
  default     = null
}

variable "kms_key_arn" {
  description = "KMS key the state bucket is encrypted with; null for SSE-S3."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the plan role and the apply role can ever do."
  type        = string
  default     = null
}

variable "workload_boundary" {
  description = "Make a policy for the apply role to put as permissions boundary on roles it makes: a name and a policy document (JSON)."
  type = object({
    name   = string
    policy = string
  })
  default = null
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
