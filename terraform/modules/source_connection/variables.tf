variable "name" {
  description = "Name of the connection."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,32}$", var.name))
    error_message = "A connection name has 1 to 32 letters, digits, dots, hyphens and underscores."
  }
}

variable "provider_type" {
  description = "Where the repositories are: `GitHub`, `GitLab` or `Bitbucket`. A change replaces the connection."
  type        = string
  default     = "GitHub"
  nullable    = false

  validation {
    condition     = contains(["GitHub", "GitLab", "Bitbucket"], var.provider_type)
    error_message = "provider_type is GitHub, GitLab or Bitbucket."
  }
}

variable "tags" {
  description = "Tags of the connection, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
