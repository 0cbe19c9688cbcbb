variable "name" {
  description = "Name of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.name))
    error_message = "A cluster name has 1 to 255 letters, digits, hyphens and underscores."
  }
}

variable "container_insights" {
  description = "CloudWatch metrics of tasks: `disabled`, `enabled`, or `enhanced` (per container)."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is `disabled`, `enabled` or `enhanced`."
  }
}

variable "subnet_ids" {
  description = "Subnets, all in one VPC, that tasks run in; empty for those of the account's default VPC."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "tags" {
  description = "Tags of the cluster, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
