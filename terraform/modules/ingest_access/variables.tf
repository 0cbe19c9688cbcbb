variable "partition" {
  description = "AWS partition of the account, as ARNs name it: `aws`, `aws-us-gov`, `aws-cn`."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region the warehouse is in."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account the warehouse is in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "s3_access" {
  description = "Key prefixes the job may read, and write where it says so. An empty prefix is the whole bucket."
  type = list(object({
    bucket_arn = string
    prefix     = string
    write      = optional(bool, false)
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for access in var.s3_access : !strcontains(access.prefix, "*")])
    error_message = "A prefix has no wildcard; everything below it is meant anyway."
  }
}

variable "warehouse" {
  description = "The warehouse the job loads into, as the module `warehouse_access` takes it; null for none."
  type        = any
  default     = null
}

variable "policy_statements" {
  description = "What else the job may do, or with the effect `Deny` may not. The conditions are operator, key, values: `{ StringEquals = { \"aws:…\" = [\"…\"] } }`."
  type = list(object({
    effect    = optional(string, "Allow")
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))))
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for action in flatten(var.policy_statements[*].actions) : !endswith(action, "*")])
    error_message = "List the actions; a statement with a wildcard action is refused."
  }

  validation {
    condition     = alltrue([for effect in var.policy_statements[*].effect : contains(["Allow", "Deny"], effect)])
    error_message = "A statement's effect is Allow or Deny."
  }
}
