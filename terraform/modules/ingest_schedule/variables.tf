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

variable "task" {
  description = "ECS task to start: its definition (without a revision, the newest), cluster and network, and the roles it runs with, which are handed out and no others."
  type = object({
    cluster_arn         = string
    task_definition_arn = string
    role_arns           = list(string)
    subnet_ids          = list(string)
    security_group_ids  = list(string)
    assign_public_ip    = optional(bool, false)
  })
  default = null

  validation {
    condition     = (var.task == null) != (var.function == null)
    error_message = "A schedule starts either a task or a function."
  }

  validation {
    condition     = alltrue([for task in var.task[*] : can(regex("^arn:[^:]+:ecs:", task.cluster_arn)) && length(task.subnet_ids) > 0])
    error_message = "A task needs the ARN of the cluster it runs in, and at least one subnet."
  }

  validation {
    condition     = alltrue([for arn in try(var.task.role_arns, []) : !strcontains(arn, "*")])
    error_message = "Name the task's roles; a wildcard would hand out others."
  }
}

variable "function" {
  description = "Lambda function to call, and the event it gets, as JSON."
  type = object({
    arn   = string
    event = optional(string, "{}")
  })
  default = null
}

variable "dead_letter_queue_name" {
  description = "Queue for starts that did not come about; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_queue_name == null || can(regex("^[A-Za-z0-9_-]{1,80}$", var.dead_letter_queue_name))
    error_message = "A queue name has 1 to 80 letters, digits, hyphens and underscores."
  }
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
