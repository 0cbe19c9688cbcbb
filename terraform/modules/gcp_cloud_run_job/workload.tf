module "workload" {
  source = "../gcp_workload"

  project_id            = var.project_id
  region                = var.region
  name                  = var.name
  description           = var.description
  service_account_id    = var.service_account_id
  service_account_email = var.service_account_email
  bucket_name           = var.bucket_name
  runners               = var.invokers
  read_objects          = var.read_objects
  secrets               = distinct([for secret in values(var.secrets) : split("/versions/", secret)[0]])
  bigquery              = var.bigquery
  log_retention_days    = var.log_retention_days
  encryption_required   = var.encryption_required
  kms_key               = var.kms_key
  key_agents            = ["serverless-robot-prod"]
  labels                = var.labels

  log_filter = join(" AND ", [
    "resource.type = \"cloud_run_job\"",
    "resource.labels.job_name = \"${var.name}\"",
    "resource.labels.location = \"${var.region}\"",
  ])
}
