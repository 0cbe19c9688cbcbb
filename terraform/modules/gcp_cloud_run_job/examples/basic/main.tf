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

module "gcp_cloud_run_job" {
  source = "../.."

  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example-dev-acme-contacts"
  description        = "Loads the contacts of acme"
  service_account_id = "example-dev-acme-contacts"
  bucket_name        = "example-dev-acme-contacts-example-data"
  invokers           = ["serviceAccount:dagster@example-data.iam.gserviceaccount.com"]

  image           = "europe-west1-docker.pkg.dev/example-data/jobs/loader:3f1c9a20b7de"
  command         = ["python", "-m", "ingest"]
  cpu             = "2"
  memory          = "4Gi"
  timeout_seconds = 7200

  environment = { LOG_LEVEL = "INFO" }
  secrets     = { API_TOKEN = "crm-token" }
  network     = { network = "default", subnetwork = "jobs" }

  schedule             = "0 2 * * *"
  timezone             = "Europe/Berlin"
  scheduler_account_id = "example-dev-acme-contacts-cron"

  log_retention_days    = 365
  encryption_required   = true
  notification_channels = ["projects/example-data/notificationChannels/1234567890"]

  labels = { tenant_id = "acme" }
}

output "job_name" {
  description = "Name of the job."
  value       = module.gcp_cloud_run_job.job_name
}
