# Nothing in it is needed for longer than a run, so it goes with the workload whatever it holds.
resource "google_storage_bucket" "messages" {
  project                     = var.project_id
  name                        = var.bucket_name
  location                    = var.region
  labels                      = var.labels
  force_destroy               = true
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    action {
      type = "Delete"
    }

    condition {
      age            = var.message_days
      matches_prefix = ["pipes/"]
    }
  }

  # What is deleted is gone: messages are copies of what the run has recorded.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  dynamic "encryption" {
    for_each = local.keys

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agents]
}

resource "google_storage_bucket_iam_member" "messages" {
  bucket = google_storage_bucket.messages.name
  role   = "roles/storage.objectUser"
  member = local.member
}

resource "google_storage_bucket_iam_member" "runners" {
  for_each = toset(var.runners)

  bucket = google_storage_bucket.messages.name
  role   = "roles/storage.objectUser"
  member = each.value
}
