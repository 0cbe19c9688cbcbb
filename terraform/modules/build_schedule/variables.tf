variable "name" {
  description = "Name of the schedule and of its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,64}$", var.name))
    error_message = "A schedule name has 1 to 64 letters, digits, dots, hyphens and underscores."
  }
}

variable "account_id" {
  description = "Account of the schedule; nobody else's schedules may take on its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "project_arn" {
  description = "CodeBuild project that is started."
  type        = string
  nullable    = false
}

variable "expression" {
  description = "When: `cron(minutes hours day-of-month month day-of-week year)`, `rate(12 hours)`, or the six fields alone."
  type        = string
  nullable    = false

  validation {
    condition = (
      can(regex("^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$", trim(var.expression, "' ")))
      || can(regex("^(cron\\()?[0-9*,/-]+ [0-9*,/-]+ [0-9LW?*,/-]+ [0-9A-Z*,/-]+ [0-9A-Z#?*,/-]+ [0-9*,/-]+\\)?$", trim(var.expression, "' ")))
    )
    error_message = "A schedule is cron(...) with EventBridge's six fields, as in cron(0 2 * * ? *), or rate(12 hours)."
  }
}

variable "timezone" {
  description = "Time zone of the expression, as in Europe/Berlin."
  type        = string
  default     = "UTC"
  nullable    = false
}

variable "enabled" {
  description = "Whether it fires."
  type        = bool
  default     = true
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the role can ever do."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource that takes any, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
