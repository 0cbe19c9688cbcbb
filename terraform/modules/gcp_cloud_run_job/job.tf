resource "google_cloud_run_v2_job" "this" {
  project             = var.project_id
  location            = var.region
  name                = var.name
  labels              = var.labels
  deletion_protection = false

  template {
    # What an execution costs is found by its own labels.
    labels      = var.labels
    parallelism = 1
    task_count  = 1

    template {
      service_account       = module.workload.service_account_email
      timeout               = "${var.timeout_seconds}s"
      max_retries           = 0
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      encryption_key        = module.workload.kms_key

      containers {
        image   = var.image
        command = var.command

        resources {
          limits = { cpu = var.cpu, memory = var.memory }
        }

        dynamic "env" {
          for_each = var.environment

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = var.secrets

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = split("/versions/", env.value)[0]
                version = try(split("/versions/", env.value)[1], "latest")
              }
            }
          }
        }
      }

      dynamic "vpc_access" {
        for_each = var.network == null ? [] : [var.network]

        content {
          connector = vpc_access.value.connector
          egress    = "PRIVATE_RANGES_ONLY"

          dynamic "network_interfaces" {
            for_each = vpc_access.value.connector == null ? [vpc_access.value] : []

            content {
              network    = network_interfaces.value.network
              subnetwork = network_interfaces.value.subnetwork
            }
          }
        }
      }
    }
  }

  # Cloud Run refuses a job whose account cannot read its secrets yet.
  depends_on = [module.workload]
}
