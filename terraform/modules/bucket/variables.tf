variable "name" {
  description = "Name of the bucket, unique in the partition."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit."
  }
}

variable "account_id" {
  description = "Account that owns the bucket; only its bucket may send to the queue. Needed with `notifications`."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "kms_key_arn" {
  description = "KMS key for SSE-KMS with a bucket key; null for SSE-S3 (AES256)."
  type        = string
  default     = null
}

variable "versioning" {
  description = "Keep every version of an object."
  type        = bool
  default     = true
  nullable    = false
}

variable "noncurrent_version_days" {
  description = "Days after which a version that is no longer current is deleted."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_version_days >= 1
    error_message = "noncurrent_version_days is at least 1."
  }
}

variable "expire_days" {
  description = "Days after which current objects are deleted, by key prefix; the prefix \"\" is the whole bucket."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in values(var.expire_days) : days >= 1])
    error_message = "Objects expire after at least 1 day."
  }
}

variable "force_destroy" {
  description = "Delete the objects with the bucket. Leave it off where data matters."
  type        = bool
  default     = false
  nullable    = false
}

variable "notifications" {
  description = <<-EOT
    Send object events to a queue of the bucket's own, `queue_name`, with a dead letter queue behind it; null for none. Events
    of keys with `prefix` and `suffix` only; kinds `events`; kept `retention_seconds`; hidden `visibility_timeout_seconds` while
    someone works on them; given up after `max_receive_count` attempts.
  EOT
  type = object({
    queue_name                 = string
    prefix                     = optional(string)
    suffix                     = optional(string)
    events                     = optional(list(string), ["s3:ObjectCreated:*"])
    retention_seconds          = optional(number, 1209600)
    visibility_timeout_seconds = optional(number, 120)
    max_receive_count          = optional(number, 5)
  })
  default = null

  validation {
    condition     = var.notifications == null || var.account_id != null
    error_message = "notifications need account_id: the queue accepts events of this account's bucket only."
  }

  validation {
    condition     = var.notifications == null || can(regex("^[A-Za-z0-9_-]{1,75}$", var.notifications.queue_name))
    error_message = "queue_name has 1 to 75 letters, digits, hyphens and underscores (the dead letter queue adds five)."
  }

  validation {
    condition = var.notifications == null || alltrue([
      try(var.notifications.visibility_timeout_seconds >= 0 && var.notifications.visibility_timeout_seconds <= 43200, true),
      try(var.notifications.retention_seconds >= 60 && var.notifications.retention_seconds <= 1209600, true),
      try(var.notifications.max_receive_count >= 1 && var.notifications.max_receive_count <= 1000, true),
    ])
    error_message = "SQS allows a visibility timeout of 0 to 43200 s, a retention of 60 to 1209600 s and 1 to 1000 receives."
  }
}

variable "tags" {
  description = "Tags of every resource, over the provider's default tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
