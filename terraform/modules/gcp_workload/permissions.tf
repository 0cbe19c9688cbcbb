resource "google_storage_bucket_iam_member" "read" {
  for_each = toset(var.read_buckets)

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = local.member
}

resource "google_secret_manager_secret_iam_member" "read" {
  for_each = toset(var.secrets)

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

# Runs jobs and makes datasets; what is in those of others stays closed.
resource "google_project_iam_member" "bigquery_user" {
  count = var.bigquery == null ? 0 : 1

  project = var.bigquery.project_id
  role    = "roles/bigquery.user"
  member  = local.member
}

resource "google_project_iam_member" "bigquery_datasets" {
  for_each = toset(var.bigquery == null ? [] : var.bigquery.datasets)

  project = var.bigquery.project_id
  role    = "roles/bigquery.dataEditor"
  member  = local.member

  condition {
    title = "dataset ${each.value}"
    expression = join(" || ", [
      "resource.name == \"projects/${var.bigquery.project_id}/datasets/${each.value}\"",
      "resource.name.startsWith(\"projects/${var.bigquery.project_id}/datasets/${each.value}/\")",
    ])
  }
}
