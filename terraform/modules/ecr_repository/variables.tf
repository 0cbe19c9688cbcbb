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
  description = "Number of tagged images that are kept; older ones expire, unless their tag is in `tags_in_use`."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.tagged_count >= 1
    error_message = "At least one tagged image is kept."
  }
}

variable "tags_in_use" {
  description = "Tags of images something refers to; those never expire."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for tag in var.tags_in_use : can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", tag))])
    error_message = "A tag has at most 128 letters, digits, dots, hyphens and underscores, and no wildcard."
  }

  validation {
    condition     = length(distinct(var.tags_in_use)) <= 48
    error_message = "A lifecycle policy has at most 50 rules, two of which are for images nothing refers to."
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
