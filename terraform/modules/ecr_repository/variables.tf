variable "name" {
  description = "Name of the repository."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.name)) && length(var.name) >= 2 && length(var.name) <= 256
    error_message = "A repository name has 2 to 256 lower-case letters and digits, separated by single dots, slashes, hyphens or underscores."
  }
}

variable "kms_key_arn" {
  description = "KMS key the images are encrypted with; null for AES256. A change replaces the repository."
  type        = string
  default     = null
}

variable "tagged_count" {
  description = "Number of tagged images that are kept; older ones expire, also when something still refers to them."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.tagged_count >= 1
    error_message = "At least one tagged image is kept."
  }
}

variable "untagged_days" {
  description = "Days after which an untagged image expires."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.untagged_days >= 1
    error_message = "Untagged images live at least 1 day."
  }
}

variable "force_delete" {
  description = "Delete the images with the repository."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
