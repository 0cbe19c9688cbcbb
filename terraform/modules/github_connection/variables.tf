variable "name" {
  description = "Name of the connection."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,32}$", var.name))
    error_message = "A connection name has 1 to 32 letters, digits, dots, hyphens and underscores."
  }
}

variable "tags" {
  description = "Tags of the connection, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
