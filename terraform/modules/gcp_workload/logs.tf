# Logs stay in the project's bucket too, as long as that keeps them; here they stay for as long as they have to.
resource "google_logging_project_bucket_config" "this" {
  count = var.log_retention_days == null ? 0 : 1

  project        = var.project_id
  location       = var.region
  bucket_id      = var.name
  description    = substr("Logs of ${var.name}", 0, 8000)
  retention_days = var.log_retention_days

  dynamic "cmek_settings" {
    for_each = local.keys

    content {
      kms_key_name = cmek_settings.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

# To a bucket of its own project a sink writes without a grant.
resource "google_logging_project_sink" "this" {
  count = var.log_retention_days == null ? 0 : 1

  project                = var.project_id
  name                   = var.name
  destination            = "logging.googleapis.com/projects/${var.project_id}/locations/${var.region}/buckets/${google_logging_project_bucket_config.this[0].bucket_id}"
  filter                 = var.log_filter
  unique_writer_identity = true
}
