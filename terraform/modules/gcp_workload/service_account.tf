resource "google_service_account" "this" {
  count = var.service_account_email == null ? 1 : 0

  project      = var.project_id
  account_id   = var.service_account_id
  display_name = substr(var.name, 0, 100)
  description  = substr(var.description, 0, 256)
}

locals {
  email  = var.service_account_email == null ? google_service_account.this[0].email : var.service_account_email
  member = "serviceAccount:${local.email}"
}
