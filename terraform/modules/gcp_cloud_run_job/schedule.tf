resource "google_service_account" "scheduler" {
  count = var.schedule == null ? 0 : 1

  project      = var.project_id
  account_id   = var.scheduler_account_id
  display_name = substr("Starts ${var.name}", 0, 100)
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  count = var.schedule == null ? 0 : 1

  project  = var.project_id
  location = google_cloud_run_v2_job.this.location
  name     = google_cloud_run_v2_job.this.name
  member   = "serviceAccount:${google_service_account.scheduler[0].email}"
  role     = "roles/run.invoker"
}

# Only the start is tried again: the answer comes when the execution is made, not when it has ended.
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
    retry_count          = 3
    min_backoff_duration = "5s"
  }

  # Google's own API takes OAuth tokens; OIDC is for services of one's own.
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${google_cloud_run_v2_job.this.name}:run"

    oauth_token {
      service_account_email = google_service_account.scheduler[0].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler]
}
