output "job_name" {
  description = "Name of the job, for `gcloud run jobs execute`."
  value       = google_cloud_run_v2_job.this.name

  # Who starts it must be allowed to by then.
  depends_on = [google_cloud_run_v2_job_iam_member.invokers]
}

output "job_id" {
  description = "The job as Google's API names it: `projects/PROJECT/locations/REGION/jobs/NAME`."
  value       = google_cloud_run_v2_job.this.id
}

output "run_url" {
  description = "Where a POST starts an execution."
  value       = "https://run.googleapis.com/v2/projects/${var.project_id}/locations/${var.region}/jobs/${google_cloud_run_v2_job.this.name}:run"
}

output "project_id" {
  description = "Project of the job."
  value       = var.project_id
}

output "region" {
  description = "Region of the job."
  value       = google_cloud_run_v2_job.this.location
}

output "service_account_email" {
  description = "Whom the job works as."
  value       = module.workload.service_account_email
}

output "messages_bucket" {
  description = "Bucket for messages, below `pipes/`."
  value       = module.workload.messages_bucket
}

output "log_bucket" {
  description = "Log bucket of the job's own; null where the project's keeps its logs."
  value       = module.workload.log_bucket
}

output "scheduler_job_name" {
  description = "Name of the job of Cloud Scheduler; null without a schedule."
  value       = one(google_cloud_scheduler_job.this[*].name)
}
