variable "project_id" {
  description = "Project of Google Cloud everything is made in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project id has 6 to 30 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of bucket, key and logs."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "name" {
  description = "Name of log bucket, sink, key ring and key."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "A name has 1 to 63 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "description" {
  description = "What the workload is, for whoever finds its service account."
  type        = string
  default     = ""
  nullable    = false
}

variable "service_account_id" {
  description = "Name of the service account the workload works with; made here unless `service_account_email` names one."
  type        = string
  default     = null

  validation {
    condition     = var.service_account_id == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.service_account_id))
    error_message = "A service account has 6 to 30 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "service_account_email" {
  description = "Service account that exists already, in place of one of the workload's own."
  type        = string
  default     = null

  validation {
    condition     = (var.service_account_email == null) != (var.service_account_id == null)
    error_message = "Give service_account_id, which is made, or service_account_email, which exists: one of the two."
  }
}

variable "bucket_name" {
  description = "Bucket for messages between the workload and whoever runs it. Names are those of all of Google Cloud."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name)) && !can(regex("^goog|google", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and nothing like google in it."
  }
}

variable "message_days" {
  description = "Days after which messages are deleted."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.message_days >= 1
    error_message = "Messages are kept for a day at least."
  }
}

variable "runners" {
  description = "Who starts the workload, and so writes and reads its messages: `serviceAccount:…`, `group:…`, `principal://…`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.runners : can(regex("^(serviceAccount|user|group|principal|principalSet):", member))])
    error_message = "A runner is one account, group or principal; the public is none."
  }
}

variable "read_objects" {
  description = "Objects the workload reads and lists: those of `bucket` whose name begins with `prefix`, all of them where that is empty. For a prefix, the bucket needs uniform bucket-level access."
  type = list(object({
    bucket = string
    prefix = string
  }))
  default  = []
  nullable = false
}

variable "secrets" {
  description = "Secrets of Secret Manager the workload reads, by name or as `projects/PROJECT/secrets/NAME`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for secret in var.secrets : can(regex("^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}$", secret))])
    error_message = "A secret is written NAME or projects/PROJECT/secrets/NAME."
  }
}

variable "bigquery" {
  description = "Project and datasets of BigQuery the workload loads into, and makes where they are missing; null for none."
  type = object({
    project_id = string
    datasets   = list(string)
  })
  default = null
}

variable "log_filter" {
  description = "Which log entries are the workload's, in the Logging query language."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days the logs are kept in a bucket of their own; null leaves them to the project's, which keeps them for 30 days."
  type        = number
  default     = null

  # https://cloud.google.com/logging/docs/buckets#custom-retention
  validation {
    condition     = var.log_retention_days == null || (coalesce(var.log_retention_days, 1) >= 1 && coalesce(var.log_retention_days, 1) <= 3650)
    error_message = "Cloud Logging keeps logs for 1 to 3650 days."
  }
}

variable "encryption_required" {
  description = "Encrypt messages, logs and the workload with a key of your own."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key" {
  description = "The key for that, in `region`; Google's agents must be allowed to use it. Null makes one, which they are."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "A key is written projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY."
  }
}

variable "key_agents" {
  description = "Domains of the service agents that use the key beside those of storage and logging, as in `serverless-robot-prod`."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "labels" {
  description = "Labels of everything that has labels, over the provider's default labels."
  type        = map(string)
  default     = {}
  nullable    = false
}
