mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = { email = "example@example-data.iam.gserviceaccount.com" }
  }

  mock_resource "google_kms_crypto_key" {
    defaults = { id = "projects/example-data/locations/europe-west1/keyRings/example/cryptoKeys/example" }
  }

  mock_resource "google_cloudfunctions2_function" {
    defaults = { url = "https://europe-west1-example-data.cloudfunctions.net/example" }
  }
}

variables {
  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example"
  service_account_id = "example-account"
  bucket_name        = "example-data-example"
  source_archive     = "tests/source.txt"
}

run "the_source_is_named_by_its_content" {
  assert {
    condition = (
      google_storage_bucket_object.source.name == "source/${filemd5("tests/source.txt")}.zip"
      && google_cloudfunctions2_function.this.build_config[0].source[0].storage_source[0].object == google_storage_bucket_object.source.name
      && google_cloudfunctions2_function.this.build_config[0].entry_point == "run"
    )
    error_message = "Another source is another object, and a build."
  }
}

run "a_function_is_closed_to_the_internet_and_to_everybody_who_is_not_named" {
  assert {
    condition = (
      google_cloudfunctions2_function.this.service_config[0].ingress_settings == "ALLOW_INTERNAL_ONLY"
      && length(google_cloud_run_v2_service_iam_member.invokers) == 0
    )
    error_message = "Internal, without invokers."
  }
}

run "a_call_is_one_instances_whole_work" {
  assert {
    condition = (
      google_cloudfunctions2_function.this.service_config[0].max_instance_request_concurrency == 1
      && google_cloudfunctions2_function.this.service_config[0].available_memory == "512M"
      && google_cloudfunctions2_function.this.service_config[0].timeout_seconds == 540
      && google_cloudfunctions2_function.this.service_config[0].service_account_email == "example@example-data.iam.gserviceaccount.com"
    )
    error_message = "One call at a time, as the function's own account."
  }
}

run "secrets_are_references_also_to_another_projects" {
  variables {
    secrets = { API_TOKEN = "crm-token", DB_PASSWORD = "projects/example-secrets/secrets/db/versions/3" }
  }

  assert {
    condition = [for one in google_cloudfunctions2_function.this.service_config[0].secret_environment_variables : [one.key, one.project_id, one.secret, one.version]] == [
      ["API_TOKEN", "example-data", "crm-token", "latest"],
      ["DB_PASSWORD", "example-secrets", "db", "3"],
    ]
    error_message = "Project and name."
  }
}

run "a_schedule_calls_the_function_with_a_token_for_its_address" {
  variables {
    schedule             = "0 2 * * *"
    schedule_body        = "{\"load\":\"all\"}"
    scheduler_account_id = "example-cron"
  }

  assert {
    condition = (
      google_cloud_scheduler_job.this[0].http_target[0].oidc_token[0].audience == google_cloudfunctions2_function.this.url
      && google_cloud_scheduler_job.this[0].retry_config[0].retry_count == 0
      && base64decode(google_cloud_scheduler_job.this[0].http_target[0].body) == "{\"load\":\"all\"}"
      && google_cloud_run_v2_service_iam_member.invokers["scheduler"].role == "roles/run.invoker"
    )
    error_message = "The scheduler's account may call it, and calls once."
  }
}

run "memory_is_a_size_google_knows" {
  command = plan

  variables {
    memory = "256MB"
  }

  expect_failures = [var.memory]
}

run "a_function_takes_an_hour_at_most" {
  command = plan

  variables {
    timeout_seconds = 3601
  }

  expect_failures = [var.timeout_seconds]
}

run "the_public_cannot_call_it" {
  command = plan

  variables {
    invokers = ["allAuthenticatedUsers"]
  }

  expect_failures = [var.invokers]
}
