locals {
  invokers = merge(
    { for member in var.invokers : member => member },
    var.schedule == null ? {} : { scheduler = "serviceAccount:${google_service_account.scheduler[0].email}" },
  )
}

# Calls are let in by the service the function is made of.
resource "google_cloud_run_v2_service_iam_member" "invokers" {
  for_each = local.invokers

  project  = var.project_id
  location = google_cloudfunctions2_function.this.location
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = each.value
}
