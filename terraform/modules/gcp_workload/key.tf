locals {
  makes_key = var.encryption_required && var.kms_key == null
  key       = local.makes_key ? google_kms_crypto_key.this[0].id : var.encryption_required ? var.kms_key : null
  # One or none, known while planning, for blocks that are there or not.
  keys = var.encryption_required ? [local.key] : []

  agents = local.makes_key ? merge(
    {
      storage = data.google_storage_project_service_account.this[0].email_address
      logging = data.google_logging_project_cmek_settings.this[0].service_account_id
    },
    {
      for domain in var.key_agents :
      domain => "service-${data.google_project.this[0].number}@${domain}.iam.gserviceaccount.com"
    },
  ) : {}
}

data "google_project" "this" {
  count = local.makes_key ? 1 : 0

  project_id = var.project_id
}

data "google_storage_project_service_account" "this" {
  count = local.makes_key ? 1 : 0

  project = var.project_id
}

data "google_logging_project_cmek_settings" "this" {
  count = local.makes_key ? 1 : 0

  project = var.project_id
}

# Google keeps the names of key rings and keys for ever: a workload made again under its old name needs them imported.
resource "google_kms_key_ring" "this" {
  count = local.makes_key ? 1 : 0

  project  = var.project_id
  name     = var.name
  location = var.region
}

resource "google_kms_crypto_key" "this" {
  count = local.makes_key ? 1 : 0

  name            = var.name
  key_ring        = google_kms_key_ring.this[0].id
  rotation_period = "7776000s"
  labels          = var.labels
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = local.agents

  crypto_key_id = google_kms_crypto_key.this[0].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = "serviceAccount:${each.value}"
}
