output "function_name" {
  description = "Name of the function, and of its service in Cloud Run."
  value       = google_cloudfunctions2_function.this.name
}

output "function_id" {
  description = "The function as Google's API names it: `projects/PROJECT/locations/REGION/functions/NAME`."
  value       = google_cloudfunctions2_function.this.id
}

output "url" {
  description = "Where the function is called, with a token for this address."
  value       = google_cloudfunctions2_function.this.url

  # Who calls it must be allowed to by then.
  depends_on = [google_cloud_run_v2_service_iam_member.invokers]
}

output "project_id" {
  description = "Project of the function."
  value       = var.project_id
}

output "region" {
  description = "Region of the function."
  value       = google_cloudfunctions2_function.this.location
}

output "service_account_email" {
  description = "Whom the function works as."
  value       = module.workload.service_account_email
}

output "messages_bucket" {
  description = "Bucket for messages, below `pipes/`."
  value       = module.workload.messages_bucket
}

output "log_bucket" {
  description = "Log bucket of the function's own; null where the project's keeps its logs."
  value       = module.workload.log_bucket
}

output "scheduler_job_name" {
  description = "Name of the job of Cloud Scheduler; null without a schedule."
  value       = one(google_cloud_scheduler_job.this[*].name)
}
