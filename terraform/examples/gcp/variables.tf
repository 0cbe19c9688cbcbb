variable "project_id" {
  description = "Project of Google Cloud the jobs run in."
  type        = string
}

variable "region" {
  description = "Region of the jobs."
  type        = string
  default     = "us-central1"
}

variable "image_uri" {
  description = "Image of the jobs, with tag or digest."
  type        = string
}

variable "service_account_email" {
  description = "Service account the jobs work as; null makes one for each of them."
  type        = string
  default     = null
}

variable "runner" {
  description = "Who starts the jobs, as in `serviceAccount:dagster@PROJECT.iam.gserviceaccount.com`; null for nobody but the schedule."
  type        = string
  default     = null
}
