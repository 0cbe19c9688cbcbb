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
  description = "Region of the function and all it needs."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "name" {
  description = "Name of the function, its log bucket, key and alert."
  type        = string
  nullable    = false

  # https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions: 4 characters; its service in Cloud Run: fewer than 50
  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{2,47}[a-z0-9])$", var.name))
    error_message = "A name has 4 to 49 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
  default     = ""
  nullable    = false
}

variable "source_archive" {
  description = "Zip archive of the source: `main.py` with the entry point, and `requirements.txt`."
  type        = string
  nullable    = false
}

variable "entry_point" {
  description = "Function of `main.py` that answers a request."
  type        = string
  default     = "run"
  nullable    = false
}

variable "runtime" {
  description = "Runtime, as in `python311`."
  type        = string
  default     = "python311"
  nullable    = false

  validation {
    condition     = can(regex("^python3[0-9]{1,2}$", var.runtime))
    error_message = "A runtime is written like python311."
  }
}

variable "build_service_account" {
  description = "Service account that builds the function, as `projects/PROJECT/serviceAccounts/EMAIL`; null for the project's default."
  type        = string
  default     = null
}

variable "memory" {
  description = "Memory, as in `512M` or `2Gi`."
  type        = string
  default     = "512M"
  nullable    = false

  # https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions, availableMemory
  validation {
    condition     = can(regex("^[1-9][0-9]*(M|G|Mi|Gi)$", var.memory))
    error_message = "Memory is written like 512M or 2Gi."
  }
}

variable "timeout_seconds" {
  description = "Seconds one call may take."
  type        = number
  default     = 540
  nullable    = false

  # https://cloud.google.com/functions/quotas: 60 minutes for HTTP functions of the 2nd generation
  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 3600
    error_message = "A function takes 1 second to 60 minutes."
  }
}

variable "max_instances" {
  description = "Instances at the same time; each takes one call at a time."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1
    error_message = "At least one instance."
  }
}

variable "min_instances" {
  description = "Instances that wait for calls, and cost meanwhile."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_instances >= 0
    error_message = "min_instances is 0 or more."
  }
}

variable "ingress" {
  description = "Where calls come from: `ALLOW_INTERNAL_ONLY` (the project's VPC and Google's own services) or `ALLOW_ALL`; who may call is `invokers` alone."
  type        = string
  default     = "ALLOW_INTERNAL_ONLY"
  nullable    = false

  validation {
    condition     = contains(["ALLOW_INTERNAL_ONLY", "ALLOW_ALL"], var.ingress)
    error_message = "ingress is ALLOW_INTERNAL_ONLY or ALLOW_ALL."
  }
}

variable "environment" {
  description = "Variables of the function. Never a secret: they show in the console."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "secrets" {
  description = "Variables of the function whose value is a secret of Secret Manager: `NAME` or `projects/PROJECT/secrets/NAME`, its latest version unless `/versions/VERSION` follows."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for secret in values(var.secrets) : can(regex("^(projects/[^/]+/secrets/)?[A-Za-z0-9_-]{1,255}(/versions/[0-9A-Za-z_-]+)?$", secret))])
    error_message = "A secret is written NAME or projects/PROJECT/secrets/NAME, with or without /versions/VERSION."
  }
}

variable "service_account_id" {
  description = "Name of the service account the function works with; made here unless `service_account_email` names one."
  type        = string
  default     = null

  validation {
    condition     = var.service_account_id == null || can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.service_account_id))
    error_message = "A service account has 6 to 30 lower-case letters, digits and hyphens, starts with a letter and ends without a hyphen."
  }
}

variable "service_account_email" {
  description = "Service account that exists already, in place of one of the function's own."
  type        = string
  default     = null

  validation {
    condition     = (var.service_account_email == null) != (var.service_account_id == null)
    error_message = "Give service_account_id, which is made, or service_account_email, which exists: one of the two."
  }
}

variable "invokers" {
  description = "Who may start, follow and cancel the function: `serviceAccount:…`, `group:…`, `principal://…`."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for member in var.invokers : can(regex("^(serviceAccount|user|group|principal|principalSet):", member))])
    error_message = "An invoker is one account, group or principal; the public is none."
  }
}

variable "bucket_name" {
  description = "Bucket for the source, and for messages between the function and whoever runs it. Names are those of all of Google Cloud."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name)) && !can(regex("^goog|google", var.bucket_name))
    error_message = "A bucket name has 3 to 63 lower-case letters, digits and hyphens, and nothing like google in it."
  }
}

variable "read_objects" {
  description = "Objects the function reads and lists: those of `bucket` whose name begins with `prefix`, all of them where that is empty. For a prefix, the bucket needs uniform bucket-level access."
  type = list(object({
    bucket = string
    prefix = string
  }))
  default  = []
  nullable = false
}

variable "bigquery" {
  description = "Project and datasets of BigQuery the function loads into, and makes where they are missing; null for none."
  type = object({
    project_id = string
    datasets   = list(string)
  })
  default = null
}

variable "connector" {
  description = "Connector of Serverless VPC Access, the way into the VPC; null for none."
  type        = string
  default     = null
}

variable "schedule" {
  description = "When Cloud Scheduler starts the function, in the five fields of cron (`0 2 * * *`); null leaves that to others."
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

variable "schedule_body" {
  description = "What Cloud Scheduler sends, as JSON."
  type        = string
  default     = "{}"
  nullable    = false

  validation {
    condition     = can(jsondecode(var.schedule_body))
    error_message = "schedule_body is JSON."
  }
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
  description = "Seconds Cloud Scheduler waits for the answer of the function."
  type        = number
  default     = 1800
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
  description = "Encrypt source, messages and logs with a key of your own."
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
  description = "Channels of Cloud Monitoring that are told of a failed call: `projects/PROJECT/notificationChannels/NUMBER`."
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
