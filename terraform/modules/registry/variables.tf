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

variable "repository_name" {
  description = "Name of the image repository; null for the project's, the environment's and `dbt`."
  type        = string
  default     = null
}

variable "tagged_count" {
  description = "Number of tagged images that are kept; older ones expire, unless their tag is in `tags_in_use`."
  type        = number
  default     = 50
  nullable    = false
}

variable "tags_in_use" {
  description = "Tags of images something refers to; those never expire."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "KMS key the images are encrypted with; null for AES256. A change replaces the repository."
  type        = string
  default     = null
}

variable "organizations" {
  description = "Whose repositories are built, each through a connection of its own: `ORG` on GitHub, `gitlab/ORG`, `bitbucket/ORG`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for owner in var.organizations : can(regex("^((gitlab|bitbucket)/)?[A-Za-z0-9._-]+$", owner))])
    error_message = "An organization is ORG for GitHub, gitlab/ORG or bitbucket/ORG."
  }
}

variable "existing_connections" {
  description = "ARNs of connections that exist already, by organization as in `organizations`; none is made for those."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
