locals {
  # To start with variables of a run's own, and to cancel; then to follow executions.
  invoker_roles = ["roles/run.jobsExecutorWithOverrides", "roles/run.viewer"]
}

resource "google_cloud_run_v2_job_iam_member" "invokers" {
  for_each = {
    for pair in setproduct(var.invokers, local.invoker_roles) : "${pair[0]} ${pair[1]}" => pair
  }

  project  = var.project_id
  location = google_cloud_run_v2_job.this.location
  name     = google_cloud_run_v2_job.this.name
  member   = each.value[0]
  role     = each.value[1]
}
