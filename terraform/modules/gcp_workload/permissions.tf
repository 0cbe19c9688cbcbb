# Of a listing the resource is the bucket, and the prefix it asks for an attribute of the request:
# https://cloud.google.com/iam/docs/conditions-attribute-reference#api-attributes
resource "google_storage_bucket_iam_member" "read" {
  for_each = { for read in var.read_objects : "${read.bucket}/${read.prefix}" => read }

  bucket = each.value.bucket
  role   = "roles/storage.objectViewer"
  member = local.member

  dynamic "condition" {
    for_each = each.value.prefix == "" ? [] : [each.value.prefix]

    content {
      title = substr("objects ${condition.value}", 0, 100)
      expression = join(" || ", [
        "resource.name.startsWith(${jsonencode("projects/_/buckets/${each.value.bucket}/objects/${condition.value}")})",
        "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(${jsonencode(condition.value)})",
      ])
    }
  }
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
