variable "name" {
  description = "Name of the project."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$", var.name))
    error_message = "A project name has 2 to 150 letters, digits, hyphens and underscores and begins with a letter or digit."
  }
}

variable "description" {
  description = "What the project builds."
  type        = string
  default     = null
}

variable "account_id" {
  description = "Account of the project; nobody else's builds may take on its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "role_name" {
  description = "Name of the project's own role."
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
  description = "Image the build runs in: an ECR address with tag or digest, or one of CodeBuild's (`aws/codebuild/…`)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("[:@]", var.image)) && var.image == lower(var.image)
    error_message = "An image is written in lower case and names a tag or a digest."
  }
}

variable "repository_arn" {
  description = "ECR repository of the image; null when the image is CodeBuild's."
  type        = string
  default     = null
}

variable "compute_type" {
  description = "Size of the build machine."
  type        = string
  default     = "BUILD_GENERAL1_SMALL"
  nullable    = false

  validation {
    condition = contains([
      "BUILD_GENERAL1_SMALL", "BUILD_GENERAL1_MEDIUM", "BUILD_GENERAL1_LARGE", "BUILD_GENERAL1_XLARGE",
      "BUILD_GENERAL1_2XLARGE",
    ], var.compute_type)
    error_message = "compute_type is BUILD_GENERAL1_ followed by SMALL, MEDIUM, LARGE, XLARGE or 2XLARGE."
  }
}

variable "environment_type" {
  description = "`LINUX_CONTAINER` (x86) or `ARM_CONTAINER`; must match what the image was built for."
  type        = string
  default     = "LINUX_CONTAINER"
  nullable    = false

  validation {
    condition     = contains(["LINUX_CONTAINER", "ARM_CONTAINER"], var.environment_type)
    error_message = "environment_type is LINUX_CONTAINER or ARM_CONTAINER."
  }
}

variable "privileged" {
  description = "Run a Docker daemon in the build; for projects that build images, no others."
  type        = bool
  default     = false
  nullable    = false
}

variable "buildspec" {
  description = "The buildspec itself, as YAML or JSON. Not a path: what runs is what was planned."
  type        = string
  nullable    = false

  validation {
    condition     = can(yamldecode(var.buildspec).phases)
    error_message = "buildspec is the text of a buildspec with `phases`, not a path."
  }
}

variable "source_location" {
  description = <<-EOT
    Where the source comes from: `GITHUB`, `GITLAB` or `BITBUCKET` with the repository's https address, a connection and
    a branch; `S3` with `BUCKET/KEY` (add read access with `s3_access`); or `NO_SOURCE`.
  EOT
  type = object({
    type           = string
    location       = optional(string)
    branch         = optional(string)
    connection_arn = optional(string)
  })
  default  = { type = "NO_SOURCE" }
  nullable = false

  validation {
    condition     = contains(["GITHUB", "GITLAB", "BITBUCKET", "S3", "NO_SOURCE"], var.source_location.type)
    error_message = "The source's type is GITHUB, GITLAB, BITBUCKET, S3 or NO_SOURCE."
  }

  validation {
    condition = !contains(["GITHUB", "GITLAB", "BITBUCKET"], var.source_location.type) || (
      can(regex(
        "^https://${lookup({ GITLAB = "gitlab\\.com", BITBUCKET = "bitbucket\\.org" }, var.source_location.type, "github\\.com")}(/[A-Za-z0-9._-]+){2,}$",
        var.source_location.location,
      ))
      && var.source_location.connection_arn != null
      && var.source_location.branch != null
    )
    error_message = "A source with a connection has location https://github.com/ORG/REPO (gitlab.com, bitbucket.org), a branch and a connection_arn."
  }

  validation {
    condition     = var.source_location.type != "S3" || can(regex("^[^/]+/.+$", var.source_location.location))
    error_message = "An S3 source has location BUCKET/KEY."
  }
}

variable "environment_variables" {
  description = <<-EOT
    Variables of the build by name. Type `SECRETS_MANAGER` takes a secret's full ARN (`…:NAME-SUFFIX[:json-key[:stage[:version]]]`)
    and `PARAMETER_STORE` a parameter's name; the role may read exactly those.
  EOT
  type = map(object({
    value = string
    type  = optional(string, "PLAINTEXT")
  }))
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for variable in values(var.environment_variables) :
      contains(["PLAINTEXT", "SECRETS_MANAGER", "PARAMETER_STORE"], variable.type)
    ])
    error_message = "A variable's type is PLAINTEXT, SECRETS_MANAGER or PARAMETER_STORE."
  }

  validation {
    condition = alltrue([
      for variable in values(var.environment_variables) :
      variable.type != "SECRETS_MANAGER" || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:", variable.value))
    ])
    error_message = "A SECRETS_MANAGER variable takes the full ARN of the secret."
  }
}

variable "s3_access" {
  description = "Key prefixes the build may read, and write where it says so. An empty prefix is the whole bucket."
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

variable "policy_statements" {
  description = "What else the build may do, or with the effect `Deny` may not. The conditions are operator, key, values: `{ StringEquals = { \"aws:…\" = [\"…\"] } }`."
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

variable "warehouse" {
  description = "The warehouse the build works in, as the module `warehouse_access` takes it; null for none."
  type        = any
  default     = null
}

variable "additional_policy_arns" {
  description = "Managed policies attached to the role beside its own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "artifacts" {
  description = "Where CodeBuild puts what the buildspec's `artifacts` name: below `path` of `bucket`, a folder a build. Null for nowhere."
  type = object({
    bucket = string
    path   = string
  })
  default = null
}

variable "cache" {
  description = "What builds keep for the next one: `S3` below `location` (`BUCKET/PREFIX`), `LOCAL` with the build machine's modes."
  type = object({
    type     = string
    location = optional(string)
    modes    = optional(list(string), ["LOCAL_SOURCE_CACHE", "LOCAL_CUSTOM_CACHE"])
  })
  default  = { type = "NO_CACHE" }
  nullable = false

  validation {
    condition     = contains(["NO_CACHE", "S3", "LOCAL"], var.cache.type)
    error_message = "The cache's type is NO_CACHE, S3 or LOCAL."
  }

  validation {
    condition     = (var.cache.type == "S3") == can(regex("^[^/]+/.+$", var.cache.location))
    error_message = "An S3 cache, and no other, has location BUCKET/PREFIX."
  }

  validation {
    condition = alltrue([
      for mode in var.cache.modes :
      contains(["LOCAL_SOURCE_CACHE", "LOCAL_DOCKER_LAYER_CACHE", "LOCAL_CUSTOM_CACHE"], mode)
    ])
    error_message = "A local cache's modes are LOCAL_SOURCE_CACHE, LOCAL_DOCKER_LAYER_CACHE and LOCAL_CUSTOM_CACHE."
  }
}

variable "vpc_config" {
  description = "Run the build in a VPC; null for none."
  type = object({
    vpc_id             = string
    subnets            = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition = var.vpc_config == null || alltrue([
      length(try(var.vpc_config.subnets, [])) > 0, length(try(var.vpc_config.security_group_ids, [])) > 0,
    ])
    error_message = "A build in a VPC needs at least one subnet and one security group."
  }
}

variable "build_timeout" {
  description = "Minutes after which a build is ended."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.build_timeout >= 5 && var.build_timeout <= 2160
    error_message = "CodeBuild allows 5 to 2160 minutes."
  }
}

variable "queued_timeout" {
  description = "Minutes after which a build that has not begun is ended."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.queued_timeout >= 5 && var.queued_timeout <= 480
    error_message = "CodeBuild allows 5 to 480 minutes in the queue."
  }
}

variable "concurrent_build_limit" {
  description = "Builds of this project at the same time; null for the account's limit."
  type        = number
  default     = null

  validation {
    condition     = var.concurrent_build_limit == null || try(var.concurrent_build_limit >= 1, false)
    error_message = "At least one build at a time."
  }
}

variable "log_group_name" {
  description = "Log group of the project's own."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days the logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days,
    )
    error_message = "CloudWatch Logs keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "kms_key_arn" {
  description = "KMS key for logs and build output; its policy must admit CloudWatch Logs. Null for keys that AWS owns."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
