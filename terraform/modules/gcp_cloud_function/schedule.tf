resource "google_service_account" "scheduler" {
  count = var.schedule == null ? 0 : 1

  project      = var.project_id
  account_id   = var.scheduler_account_id
  display_name = substr("Starts ${var.name}", 0, 100)
}

# A call that was answered is never made again, whatever the answer: a job that failed stays failed.
resource "google_cloud_scheduler_job" "this" {
  count = var.schedule == null ? 0 : 1

  project          = var.project_id
  region           = var.region
  name             = var.name
  description      = substr(var.description, 0, 500)
  schedule         = var.schedule
  time_zone        = var.timezone
  attempt_deadline = "${var.attempt_deadline_seconds}s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.this.url
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(var.schedule_body)

    oidc_token {
      service_account_email = google_service_account.scheduler[0].email
      audience              = google_cloudfunctions2_function.this.url
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invokers]
}
