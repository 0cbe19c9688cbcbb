mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = { email = "example@example-data.iam.gserviceaccount.com" }
  }

  mock_resource "google_kms_crypto_key" {
    defaults = { id = "projects/example-data/locations/europe-west1/keyRings/example/cryptoKeys/example" }
  }
}

variables {
  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example"
  image              = "europe-west1-docker.pkg.dev/example-data/jobs/loader:1"
  service_account_id = "example-account"
  bucket_name        = "example-data-example"
}

run "failed_work_is_not_done_again" {
  assert {
    condition = (
      google_cloud_run_v2_job.this.template[0].template[0].max_retries == 0
      && google_cloud_run_v2_job.this.template[0].task_count == 1
      && google_cloud_run_v2_job.this.template[0].template[0].timeout == "3600s"
    )
    error_message = "One task, once, within its time."
  }
}

run "a_job_works_as_its_own_account" {
  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].service_account == "example@example-data.iam.gserviceaccount.com"
    error_message = "Not as the project's default account."
  }
}

run "secrets_are_references_and_variables_are_values" {
  variables {
    environment = { LOG_LEVEL = "INFO" }
    secrets     = { API_TOKEN = "projects/example-secrets/secrets/crm-token/versions/3" }
  }

  assert {
    condition = jsonencode({
      for one in google_cloud_run_v2_job.this.template[0].template[0].containers[0].env :
      one.name => concat([one.value], one.value_source[*].secret_key_ref[0].secret, one.value_source[*].secret_key_ref[0].version)
    }) == jsonencode({ API_TOKEN = [null, "projects/example-secrets/secrets/crm-token", "3"], LOG_LEVEL = ["INFO"] })
    error_message = "Cloud Run reads the secret, Terraform does not."
  }
}

run "nobody_starts_it_unless_named" {
  assert {
    condition     = length(google_cloud_run_v2_job_iam_member.invokers) == 0 && length(google_cloud_scheduler_job.this) == 0
    error_message = "No invoker, no schedule."
  }
}

run "an_invoker_starts_follows_and_cancels_this_job_and_no_other" {
  variables {
    invokers = ["serviceAccount:dagster@example-data.iam.gserviceaccount.com"]
  }

  assert {
    condition = toset(values(google_cloud_run_v2_job_iam_member.invokers)[*].role) == toset([
      "roles/run.jobsExecutorWithOverrides",
      "roles/run.viewer",
    ])
    error_message = "Two roles, on the job."
  }
}

run "a_schedule_starts_the_job_through_googles_api_with_an_account_that_may" {
  variables {
    schedule             = "0 2 * * *"
    timezone             = "Europe/Berlin"
    scheduler_account_id = "example-cron"
  }

  assert {
    condition = (
      google_cloud_scheduler_job.this[0].http_target[0].uri == "https://run.googleapis.com/v2/projects/example-data/locations/europe-west1/jobs/example:run"
      && google_cloud_scheduler_job.this[0].http_target[0].http_method == "POST"
      && google_cloud_scheduler_job.this[0].http_target[0].oauth_token[0].service_account_email == google_service_account.scheduler[0].email
      && length(google_cloud_scheduler_job.this[0].http_target[0].oidc_token) == 0
    )
    error_message = "Google's API wants an OAuth token."
  }

  assert {
    condition = (
      google_cloud_run_v2_job_iam_member.scheduler[0].role == "roles/run.invoker"
      && google_cloud_run_v2_job_iam_member.scheduler[0].member == "serviceAccount:${google_service_account.scheduler[0].email}"
    )
    error_message = "The scheduler's account may start the job."
  }

  assert {
    condition     = google_cloud_scheduler_job.this[0].time_zone == "Europe/Berlin" && google_cloud_scheduler_job.this[0].attempt_deadline == "180s"
    error_message = "In its time zone, within the scheduler's deadline."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.not_started) == 1
    error_message = "A start that failed is an alert."
  }
}

run "a_failed_execution_is_told" {
  variables {
    notification_channels = ["projects/example-data/notificationChannels/1"]
  }

  assert {
    condition = (
      strcontains(google_monitoring_alert_policy.failed.conditions[0].condition_threshold[0].filter, "resource.labels.job_name = \"example\"")
      && google_monitoring_alert_policy.failed.notification_channels == tolist(["projects/example-data/notificationChannels/1"])
    )
    error_message = "The alert is this job's."
  }
}

run "labels_are_on_the_job_and_on_its_executions" {
  variables {
    labels = { tenant_id = "acme" }
  }

  assert {
    condition = (
      google_cloud_run_v2_job.this.labels == tomap({ tenant_id = "acme" })
      && google_cloud_run_v2_job.this.template[0].labels == tomap({ tenant_id = "acme" })
    )
    error_message = "What an execution costs is found by its labels."
  }
}

run "a_connector_or_a_subnetwork_is_the_way_into_the_vpc" {
  variables {
    network = { connector = "projects/example-data/locations/europe-west1/connectors/jobs" }
  }

  assert {
    condition = (
      google_cloud_run_v2_job.this.template[0].template[0].vpc_access[0].connector == var.network.connector
      && length(google_cloud_run_v2_job.this.template[0].template[0].vpc_access[0].network_interfaces) == 0
    )
    error_message = "Never both."
  }
}

run "a_name_with_underscores_is_refused" {
  command = plan

  variables {
    name = "acme-hubspot_contacts"
  }

  expect_failures = [var.name]
}

run "a_task_takes_a_week_at_most" {
  command = plan

  variables {
    timeout_seconds = 604801
  }

  expect_failures = [var.timeout_seconds]
}

run "a_scheduler_waits_for_half_an_hour_at_most" {
  command = plan

  variables {
    attempt_deadline_seconds = 3600
  }

  expect_failures = [var.attempt_deadline_seconds]
}

run "a_schedule_without_an_account_is_refused" {
  command = plan

  variables {
    schedule = "0 2 * * *"
  }

  expect_failures = [var.scheduler_account_id]
}

run "the_public_cannot_start_it" {
  command = plan

  variables {
    invokers = ["allUsers"]
  }

  expect_failures = [var.invokers]
}
