terraform {
  required_version = ">= 1.10"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "6.50.0"
    }
  }
}

provider "google" {
  project = "example-data"
  region  = "europe-west1"
}

module "gcp_workload" {
  source = "../.."

  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example-dev-acme-contacts"
  description        = "Loads the contacts of acme"
  service_account_id = "example-dev-acme-contacts"
  bucket_name        = "example-dev-acme-contacts-example-data"
  runners            = ["serviceAccount:dagster@example-data.iam.gserviceaccount.com"]

  read_objects = [{ bucket = "example-dev-raw", prefix = "acme/contacts/" }]
  secrets      = ["crm-token"]
  bigquery     = { project_id = "example-data", datasets = ["crm"] }

  log_filter          = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"example-dev-acme-contacts\""
  log_retention_days  = 365
  encryption_required = true
  key_agents          = ["serverless-robot-prod"]

  labels = { tenant_id = "acme" }
}

output "messages_bucket" {
  description = "Bucket for messages."
  value       = module.gcp_workload.messages_bucket
}
