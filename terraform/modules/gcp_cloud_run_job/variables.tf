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
  description = "Region of the job and all it needs."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "name" {
  description = "Name of the job, its log bucket, key and alert."
  type        = string
  nullable    = false

  # https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services: fewer than 50 characters; executions add a suffix
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,47}[a-z0-9])?$", var.name))
    error_message = "A name has 1 to 49 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "description" {
  description = "What the job does, for whoever finds its service account."
  type        = string
  default     = ""
  nullable    = false
}

variable "image" {
  description = "Image of the container, with tag or digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("[:@][^/]+$", var.image)) && var.image == lower(var.image)
    error_message = "An image is written in lower case and names a tag or a digest."
  }
}

variable "command" {
  description = "Command of the container; empty for the image's own."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "cpu" {
  description = "Virtual CPUs: `1`, `2`, `4`, `6` or `8`."
  type        = string
  default     = "1"
  nullable    = false

  # https://cloud.google.com/run/docs/configuring/jobs/cpu
  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "Cloud Run's jobs have 1, 2, 4, 6 or 8 CPUs."
  }
}

variable "memory" {
  description = "Memory, as in `512Mi` or `2Gi`; what a number of CPUs can have is Cloud Run's to say."
  type        = string
  default     = "2Gi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "Memory is written like 512Mi or 2Gi."
  }
}

variable "timeout_seconds" {
  description = "Seconds the one task may take."
  type        = number
  default     = 3600
  nullable    = false

  # https://cloud.google.com/run/docs/configuring/task-timeout
  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 604800
    error_message = "A task of Cloud Run takes 1 second to 168 hours."
  }
}

variable "environment" {
  description = "Variables of the job. Never a secret: they show in the console."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secrets" {
  description = "Variables of the job whose value is a secret of Secret Manager: `NAME` or `projects/PROJECT/secrets/NAME`, its latest version unless `/versions/VERSION` follows."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for secret in values(var.secrets) : can(regex("^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}(/versions/[0-9A-Za-z_-]+)?$", secret))])
    error_message = "A secret is written NAME or projects/PROJECT/secrets/NAME, with or without /versions/VERSION."
  }
}

variable "service_account_id" {
  description = "Name of the service account the job works with; made here unless `service_account_email` names one."
  type        = string
  default     = null

  validation {
    condition     = var.service_account_id == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.service_account_id))
    error_message = "A service account has 6 to 30 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "service_account_email" {
  description = "Service account that exists already, in place of one of the job's own."
  type        = string
  default     = null

  validation {
    condition     = (var.service_account_email == null) != (var.service_account_id == null)
    error_message = "Give service_account_id, which is made, or service_account_email, which exists: one of the two."
  }
}

variable "invokers" {
  description = "Who may start, follow and cancel the job: `serviceAccount:…`, `group:…`, `principal://…`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.invokers : can(regex("^(serviceAccount|user|group|principal|principalSet):", member))])
    error_message = "An invoker is one account, group or principal; the public is none."
  }
}

variable "bucket_name" {
  description = "Bucket for messages between the job and whoever runs it. Names are those of all of Google Cloud."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name)) && !can(regex("^goog|google", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and nothing like google in it."
  }
}

variable "read_objects" {
  description = "Objects the job reads and lists: those of `bucket` whose name begins with `prefix`, all of them where that is empty. For a prefix, the bucket needs uniform bucket-level access."
  type = list(object({
    bucket = string
    prefix = string
  }))
  default  = []
  nullable = false
}

variable "bigquery" {
  description = "Project and datasets of BigQuery the job loads into, and makes where they are missing; null for none."
  type = object({
    project_id = string
    datasets   = list(string)
  })
  default = null
}

variable "network" {
  description = "The way into the VPC: `connector`, or `network` and `subnetwork`, directly; null for none."
  type = object({
    network    = optional(string)
    subnetwork = optional(string)
    connector  = optional(string)
  })
  default = null
}

variable "schedule" {
  description = "When Cloud Scheduler starts the job, in the five fields of cron (`0 2 * * *`); null leaves that to others."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || can(regex("^([0-9A-Za-z*,/-]+ ){4}[0-9A-Za-z*,/-]+$", var.schedule))
    error_message = "A schedule has the five fields of cron."
  }
}

variable "timezone" {
  description = "Time zone of the schedule."
  type        = string
  default     = "UTC"
  nullable    = false
}

variable "scheduler_account_id" {
  description = "Service account Cloud Scheduler works with; needed for a schedule."
  type        = string
  default     = null

  validation {
    condition     = var.schedule == null || var.scheduler_account_id != null
    error_message = "A schedule needs scheduler_account_id."
  }

  validation {
    condition     = var.scheduler_account_id == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.scheduler_account_id))
    error_message = "A service account has 6 to 30 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "attempt_deadline_seconds" {
  description = "Seconds Cloud Scheduler waits for the answer to the start, not for the job."
  type        = number
  default     = 180
  nullable    = false

  # https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs, attemptDeadline
  validation {
    condition     = var.attempt_deadline_seconds >= 15 && var.attempt_deadline_seconds <= 1800
    error_message = "Cloud Scheduler waits for 15 seconds to 30 minutes."
  }
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
  description = "Encrypt messages, logs and executions with a key of your own."
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

variable "notification_channels" {
  description = "Channels of Cloud Monitoring that are told of a failed execution: `projects/PROJECT/notificationChannels/NUMBER`."
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
