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

variable "source_archive" {
  description = "Zip archive with `main.py` and `requirements.txt`."
  type        = string
}

module "gcp_cloud_function" {
  source = "../.."

  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example-dev-acme-contacts"
  description        = "Loads the contacts of acme"
  service_account_id = "example-dev-acme-contacts"
  bucket_name        = "example-dev-acme-contacts-example-data"
  invokers           = ["serviceAccount:dagster@example-data.iam.gserviceaccount.com"]

  source_archive  = var.source_archive
  memory          = "512M"
  timeout_seconds = 900
  max_instances   = 1

  environment = { LOG_LEVEL = "INFO" }
  secrets     = { API_TOKEN = "projects/example-secrets/secrets/crm-token" }

  labels = { tenant_id = "acme" }
}

output "url" {
  description = "Where the function is called."
  value       = module.gcp_cloud_function.url
}
