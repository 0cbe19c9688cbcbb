variable "name" {
  description = "Name of the project; names of resources begin with it and the environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "A name has lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "environment" {
  description = "Environment, as it is written in names: `dev`, `stg`, `prd`, or any other short name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.environment))
    error_message = "An environment has lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "config_file" {
  description = "Path of the file that describes the dbt projects, `codebuild-config.yml`."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.config_file)
    error_message = "There is no file ${var.config_file}."
  }

  validation {
    condition     = !fileexists(var.config_file) || can(yamldecode(file(var.config_file)))
    error_message = "${var.config_file} is not YAML."
  }
}

variable "image" {
  description = "Image that builds run in unless a project has an `ecr_repository`, with tag or digest; lower case."
  type        = string
  nullable    = false
}

variable "image_tag" {
  description = "Tag of a project's own `ecr_repository` where the project names none."
  type        = string
  default     = "latest"
  nullable    = false
}

variable "connection_arns" {
  description = "ARN of each organization's connection, as the module `registry` returns them: `ORG` on GitHub, `gitlab/ORG`, `bitbucket/ORG`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "artifacts_bucket" {
  description = "Bucket for what dbt writes, below `dbt-artifacts/project=NAME/`, of projects that name none; null for nowhere."
  type        = string
  default     = null
}

variable "iam" {
  description = "What engines may do unless a project says it: `minimal`, `broad` or `custom`, see the module `warehouse_access`."
  type        = string
  default     = "minimal"
  nullable    = false

  validation {
    condition     = contains(["minimal", "broad", "custom"], var.iam)
    error_message = "iam is minimal, broad or custom."
  }
}

variable "warehouses" {
  description = "What of a warehouse its projects use, by engine, as the module `warehouse_access` takes it; a project's `access` wins key by key."
  type        = any
  default     = {}
  nullable    = false
}

variable "policy_statements" {
  description = "What else every build may do, or with the effect `Deny` may not."
  type = list(object({
    effect    = optional(string, "Allow")
    actions   = list(string)
    resources = list(string)
    condition = optional(map(map(list(string))))
  }))
  default  = []
  nullable = false
}

variable "additional_policy_arns" {
  description = "Managed policies attached to every build's role."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what every role can ever do."
  type        = string
  default     = null
}

variable "schedules_enabled" {
  description = "Whether schedules fire; false where something else starts the builds."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
