mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = { email = "example@example-data.iam.gserviceaccount.com" }
  }

  mock_resource "google_kms_crypto_key" {
    defaults = { id = "projects/example-data/locations/europe-west1/keyRings/example/cryptoKeys/example" }
  }

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }

  mock_data "google_storage_project_service_account" {
    defaults = { email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com" }
  }

  mock_data "google_logging_project_cmek_settings" {
    defaults = { service_account_id = "cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com" }
  }
}

variables {
  project_id         = "example-data"
  region             = "europe-west1"
  name               = "example"
  service_account_id = "example-account"
  bucket_name        = "example-data-example"
  log_filter         = "resource.type = \"cloud_run_job\""
}

run "the_bucket_is_private_and_forgets" {
  assert {
    condition = (
      google_storage_bucket.messages.uniform_bucket_level_access
      && google_storage_bucket.messages.public_access_prevention == "enforced"
      && google_storage_bucket.messages.location == "europe-west1"
    )
    error_message = "No ACLs, no public access."
  }

  assert {
    condition     = one(one(google_storage_bucket.messages.lifecycle_rule).condition).age == 7
    error_message = "Messages are deleted after a week."
  }

  assert {
    condition     = length(google_storage_bucket.messages.encryption) == 0 && length(google_kms_crypto_key.this) == 0
    error_message = "Without being asked, the key is Google's."
  }

  assert {
    condition     = length(google_logging_project_bucket_config.this) == 0 && output.log_bucket == null
    error_message = "Without a retention, logs stay in the project's bucket."
  }
}

run "a_workload_has_an_account_of_its_own_that_may_nothing_but_write_messages" {
  assert {
    condition     = google_service_account.this[0].account_id == "example-account"
    error_message = "One account for each workload."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.messages.member == "serviceAccount:example@example-data.iam.gserviceaccount.com"
      && length(google_storage_bucket_iam_member.read) == 0
      && length(google_secret_manager_secret_iam_member.read) == 0
      && length(google_project_iam_member.bigquery_user) == 0
    )
    error_message = "What is not named is not granted."
  }
}

run "an_account_that_exists_is_taken_as_it_is" {
  variables {
    service_account_id    = null
    service_account_email = "loader@example-data.iam.gserviceaccount.com"
  }

  assert {
    condition = (
      length(google_service_account.this) == 0
      && output.service_account_email == "loader@example-data.iam.gserviceaccount.com"
    )
    error_message = "No account is made."
  }
}

run "a_bucket_is_open_below_the_prefix_only" {
  variables {
    read_objects = [
      { bucket = "example-raw", prefix = "acme/orders/" },
      { bucket = "example-raw", prefix = "a \"quoted\" \\ name" },
      { bucket = "example-own", prefix = "" },
    ]
  }

  assert {
    condition = (
      one(google_storage_bucket_iam_member.read["example-raw/acme/orders/"].condition).expression
      == "resource.name.startsWith(\"projects/_/buckets/example-raw/objects/acme/orders/\") || api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"acme/orders/\")"
    )
    error_message = "A condition names the prefix of what is read and of what is listed."
  }

  assert {
    condition = strcontains(
      one(google_storage_bucket_iam_member.read["example-raw/a \"quoted\" \\ name"].condition).expression,
      "startsWith(\"a \\\"quoted\\\" \\\\ name\")",
    )
    error_message = "A prefix stays inside its quotes."
  }

  assert {
    condition     = length(google_storage_bucket_iam_member.read["example-own/"].condition) == 0
    error_message = "An empty prefix is the whole bucket."
  }
}

run "bigquery_is_open_in_the_named_datasets_only" {
  variables {
    bigquery = { project_id = "example-data", datasets = ["crm"] }
  }

  assert {
    condition = (
      one(google_project_iam_member.bigquery_datasets["crm"].condition).expression
      == "resource.name == \"projects/example-data/datasets/crm\" || resource.name.startsWith(\"projects/example-data/datasets/crm/\")"
    )
    error_message = "A condition names the dataset."
  }
}

run "a_required_encryption_makes_a_key_that_storage_logging_and_the_named_agents_use" {
  variables {
    encryption_required = true
    key_agents          = ["serverless-robot-prod"]
    log_retention_days  = 365
  }

  assert {
    condition = (
      google_storage_bucket.messages.encryption[0].default_kms_key_name == google_kms_crypto_key.this[0].id
      && google_logging_project_bucket_config.this[0].cmek_settings[0].kms_key_name == google_kms_crypto_key.this[0].id
    )
    error_message = "Messages and logs are encrypted with it."
  }

  assert {
    condition = toset(values(google_kms_crypto_key_iam_member.agents)[*].member) == toset([
      "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com",
      "serviceAccount:cmek-p123456789012@gcp-sa-logging.iam.gserviceaccount.com",
      "serviceAccount:service-123456789012@serverless-robot-prod.iam.gserviceaccount.com",
    ])
    error_message = "Each agent may use it."
  }

  assert {
    condition     = google_kms_crypto_key.this[0].rotation_period == "7776000s"
    error_message = "The key changes every 90 days."
  }
}

run "a_key_that_exists_is_used_and_none_is_made" {
  variables {
    encryption_required = true
    kms_key             = "projects/example-keys/locations/europe-west1/keyRings/data/cryptoKeys/data"
  }

  assert {
    condition = (
      length(google_kms_crypto_key.this) == 0
      && google_storage_bucket.messages.encryption[0].default_kms_key_name == var.kms_key
    )
    error_message = "The given key encrypts."
  }
}

run "logs_are_kept_for_as_long_as_asked" {
  variables {
    log_retention_days = 730
  }

  assert {
    condition = (
      google_logging_project_bucket_config.this[0].retention_days == 730
      && google_logging_project_sink.this[0].destination == "logging.googleapis.com/projects/example-data/locations/europe-west1/buckets/example"
      && google_logging_project_sink.this[0].filter == var.log_filter
    )
    error_message = "A sink copies the workload's logs into a bucket of its own."
  }
}

run "the_public_is_no_runner" {
  command = plan

  variables {
    runners = ["allUsers"]
  }

  expect_failures = [var.runners]
}

run "a_bucket_cannot_be_called_like_google" {
  command = plan

  variables {
    bucket_name = "acme-google-ads"
  }

  expect_failures = [var.bucket_name]
}
