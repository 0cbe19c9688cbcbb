variable "bucket_name" {
  description = "Name of the bucket that holds the states, unique in the partition."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "KMS key for SSE-KMS with a bucket key (and for the lock table); null for keys that AWS owns."
  type        = string
  default     = null
}

variable "noncurrent_version_days" {
  description = "Days an older version of a state is kept."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.noncurrent_version_days >= 1
    error_message = "noncurrent_version_days is at least 1."
  }
}

variable "plan_days" {
  description = "Days after which a saved plan under `plans/` is deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.plan_days >= 1
    error_message = "Plans live at least 1 day."
  }
}

variable "lock_table_name" {
  description = "Name of a DynamoDB lock table for clients older than Terraform 1.10; null (the default) for S3's own lock only."
  type        = string
  default     = null

  validation {
    condition     = var.lock_table_name == null || can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.lock_table_name))
    error_message = "A table name has 3 to 255 letters, digits, underscores, dots and hyphens."
  }
}

variable "force_destroy" {
  description = "Let a destroy delete the bucket with every state in it. For throw-away environments only."
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
