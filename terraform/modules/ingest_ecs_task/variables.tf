variable "name" {
  description = "Family of the task definition, and name of the security group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.name))
    error_message = "A family has 1 to 255 letters, digits, hyphens and underscores."
  }
}

variable "account_id" {
  description = "Account of the task; nobody else's tasks may take on its roles."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "execution_role_name" {
  description = "Name of the role ECS starts the task with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.execution_role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "task_role_name" {
  description = "Name of the role the job works with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.task_role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what both roles can ever do."
  type        = string
  default     = null
}

variable "container_name" {
  description = "Name of the task's one container; overrides at RunTask refer to it."
  type        = string
  default     = "job"
  nullable    = false
}

variable "image" {
  description = "Image of the container, with tag or digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("[:@]", var.image)) && var.image == lower(var.image)
    error_message = "An image is written in lower case and names a tag or a digest."
  }
}

variable "repository_arn" {
  description = "ECR repository of the image; null when the image is public."
  type        = string
  default     = null
}

variable "command" {
  description = "Command of the container; empty for the image's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "cpu" {
  description = "CPU units; 1024 are one virtual CPU."
  type        = number
  default     = 1024
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Fargate's CPU units are 256, 512, 1024, 2048, 4096, 8192 and 16384."
  }
}

variable "memory" {
  description = "Memory in MB, one of those Fargate offers with the CPU units."
  type        = number
  default     = 2048
  nullable    = false

  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
  validation {
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, tostring(var.cpu), []), var.memory)
    error_message = "Fargate offers with 256 CPU units 512, 1024 or 2048 MB; 512: 1 to 4 GB; 1024: 2 to 8 GB; 2048: 4 to 16 GB; 4096: 8 to 30 GB; 8192: 16 to 60 GB in steps of 4; 16384: 32 to 120 GB in steps of 8."
  }
}

variable "cpu_architecture" {
  description = "`X86_64` or `ARM64`; must match what the image was built for."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }
}

variable "stop_timeout" {
  description = "Seconds between the stop signal and the kill."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.stop_timeout >= 0 && var.stop_timeout <= 120
    error_message = "Fargate allows 0 to 120 seconds."
  }
}

variable "environment" {
  description = "Variables of the container. Never a secret: they show in the console."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secrets" {
  description = "Variables of the container whose value is a secret, each with the secret's full ARN (`…:NAME-SUFFIX[:json-key:stage:version]`)."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for reference in values(var.secrets) : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:", reference))
    ])
    error_message = "A secret is given by its full ARN."
  }
}

variable "vpc_id" {
  description = "VPC the tasks run in; null for the account's default VPC."
  type        = string
  default     = null
}

variable "egress_cidrs" {
  description = "IPv4 ranges the tasks may call."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = alltrue([for range in var.egress_cidrs : can(cidrnetmask(range))])
    error_message = "An egress range is written like 10.0.0.0/8."
  }
}

variable "log_stream_prefix" {
  description = "A task's log stream is `<prefix>/<container>/<task id>`."
  type        = string
  default     = "task"
  nullable    = false
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

variable "log_group_name" {
  description = "Log group of the job's own."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days the logs are kept; 0 for good."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or for good (0)."
  }
}

variable "own_key" {
  description = "Whether the logs are encrypted with a KMS key of the task's own."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.own_key && var.kms_key_arn != null)
    error_message = "Give a key, or have one made."
  }
}

variable "kms_key_arn" {
  description = "Given KMS key for the logs; its policy must admit CloudWatch Logs. Null for a key that AWS owns."
  type        = string
  default     = null
}

variable "alarm_name" {
  description = "Name of the alarm on failed tasks and of the rule that finds them; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_name == null || can(regex("^[A-Za-z0-9_.-]{1,64}$", var.alarm_name))
    error_message = "A rule's name has 1 to 64 letters, digits, dots, hyphens and underscores."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that are told when an alarm goes off and when it is over."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:[^:]+:sns:", arn))])
    error_message = "An alarm's action is the ARN of an SNS topic."
  }
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
