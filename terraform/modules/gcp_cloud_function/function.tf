locals {
  # Functions want the parts of `projects/PROJECT/secrets/NAME/versions/VERSION` one by one.
  secrets = {
    for variable, secret in var.secrets : variable => {
      project = startswith(secret, "projects/") ? split("/", secret)[1] : var.project_id
      name    = reverse(split("/", split("/versions/", secret)[0]))[0]
      version = try(split("/versions/", secret)[1], "latest")
    }
  }
}

# Named by its content: a function is built again when its source has another name, not when it has other content.
resource "google_storage_bucket_object" "source" {
  bucket = module.workload.messages_bucket
  name   = "source/${filemd5(var.source_archive)}.zip"
  source = var.source_archive
}

resource "google_cloudfunctions2_function" "this" {
  project     = var.project_id
  location    = var.region
  name        = var.name
  description = var.description
  labels      = var.labels

  build_config {
    runtime         = var.runtime
    entry_point     = var.entry_point
    service_account = var.build_service_account

    source {
      storage_source {
        bucket = google_storage_bucket_object.source.bucket
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = module.workload.service_account_email
    available_memory                 = var.memory
    timeout_seconds                  = var.timeout_seconds
    max_instance_count               = var.max_instances
    min_instance_count               = var.min_instances
    max_instance_request_concurrency = 1
    all_traffic_on_latest_revision   = true
    ingress_settings                 = var.ingress
    environment_variables            = var.environment
    vpc_connector                    = var.connector
    vpc_connector_egress_settings    = var.connector == null ? null : "PRIVATE_RANGES_ONLY"

    dynamic "secret_environment_variables" {
      for_each = local.secrets

      content {
        key        = secret_environment_variables.key
        project_id = secret_environment_variables.value.project
        secret     = secret_environment_variables.value.name
        version    = secret_environment_variables.value.version
      }
    }
  }

  # Google refuses a function whose account cannot read its secrets yet.
  depends_on = [module.workload]
}
