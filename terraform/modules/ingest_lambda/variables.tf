variable "name" {
  description = "Name of the function, and of its security group."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "A function name has 1 to 64 letters, digits, hyphens and underscores."
  }
}

variable "account_id" {
  description = "Account of the function; nobody else's functions may take on its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "role_name" {
  description = "Name of the role the function works with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "A role name has 1 to 64 letters, digits and any of + = , . @ _ -."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the role can ever do."
  type        = string
  default     = null
}

variable "image" {
  description = "Image of the function in ECR, with tag or digest; null for a zip package."
  type        = string
  default     = null

  validation {
    condition     = var.image == null ? true : can(regex("[:@]", var.image)) && var.image == lower(var.image)
    error_message = "An image is written in lower case and names a tag or a digest."
  }
}

variable "entry_point" {
  description = "Entry point of the image; empty for its own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "command" {
  description = "Command of the image, which is the handler for Lambda's own runtime client; empty for its own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "package" {
  description = "Zip package in place of an image: an object in S3, or a file with its hash (`filebase64sha256`)."
  type = object({
    handler           = string
    runtime           = string
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    filename          = optional(string)
    source_code_hash  = optional(string)
  })
  default = null

  validation {
    condition     = (var.package == null) != (var.image == null)
    error_message = "A function is made of either an image or a package."
  }

  validation {
    condition     = var.package == null || (try(var.package.s3_key, null) == null) != (try(var.package.filename, null) == null)
    error_message = "A package is either in S3 (s3_bucket, s3_key) or a file (filename, source_code_hash)."
  }
}

variable "architecture" {
  description = "`x86_64` or `arm64`; must match what the code was built for."
  type        = string
  default     = "x86_64"
  nullable    = false

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is x86_64 or arm64."
  }
}

variable "memory" {
  description = "Memory in MB; processing power grows with it."
  type        = number
  default     = 2048
  nullable    = false

  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "Lambda has 128 to 10240 MB."
  }
}

variable "ephemeral_storage" {
  description = "Size of `/tmp` in MB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.ephemeral_storage >= 512 && var.ephemeral_storage <= 10240
    error_message = "/tmp has 512 to 10240 MB."
  }
}

variable "timeout" {
  description = "Seconds after which Lambda ends a call."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "A call takes at most 900 seconds; what takes longer runs in ECS."
  }
}

variable "maximum_event_age" {
  description = "Seconds an asynchronous call may wait for room."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.maximum_event_age >= 60 && var.maximum_event_age <= 21600
    error_message = "Lambda keeps an event for 60 to 21600 seconds."
  }
}

variable "reserved_concurrency" {
  description = "Calls at a time, taken from the account's; -1 for no limit of its own."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "reserved_concurrency is -1 for none, 0 to stop the function, or the most calls at a time."
  }
}

variable "environment" {
  description = "Variables of the function. Never a secret: they show in the console."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secret_arns" {
  description = "Secrets the function reads, by their full ARNs (`…:NAME-SUFFIX[:json-key:stage:version]`). Lambda has no references to secrets: the code fetches them."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for reference in var.secret_arns : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:", reference))
    ])
    error_message = "A secret is given by its full ARN."
  }
}

variable "vpc_config" {
  description = "VPC the function runs in, and more security groups beside its own; null for none."
  type = object({
    vpc_id             = string
    subnet_ids         = list(string)
    security_group_ids = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.vpc_config == null || length(try(var.vpc_config.subnet_ids, [])) > 0
    error_message = "A function in a VPC names at least one subnet."
  }
}

variable "egress_cidrs" {
  description = "IPv4 ranges the function may call in a VPC."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = alltrue([for range in var.egress_cidrs : can(cidrnetmask(range))])
    error_message = "An egress range is written like 10.0.0.0/8."
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
  description = "Whether logs and variables are encrypted with a KMS key of the function's own."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !(var.own_key && var.kms_key_arn != null)
    error_message = "Give a key, or have one made."
  }
}

variable "kms_key_arn" {
  description = "Given KMS key for logs and variables; its policy must admit CloudWatch Logs. Null for keys that AWS owns."
  type        = string
  default     = null
}

variable "dead_letter_queue_name" {
  description = "Queue for asynchronous calls that failed; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.dead_letter_queue_name == null || can(regex("^[A-Za-z0-9_-]{1,80}$", var.dead_letter_queue_name))
    error_message = "A queue name has 1 to 80 letters, digits, hyphens and underscores."
  }
}

variable "alarm_name" {
  description = "Names of the alarms on failed and on throttled calls begin with it; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_name == null || can(regex("^[ -~]{1,240}$", var.alarm_name))
    error_message = "An alarm's name has 1 to 255 printable characters, of which the module adds some."
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
