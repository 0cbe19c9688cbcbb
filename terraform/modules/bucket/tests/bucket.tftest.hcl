mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::example" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:example-events-dead" }
  }
}

variables {
  name       = "example"
  account_id = "123456789012"
}

run "a_bucket_is_private_versioned_encrypted_and_tls_only" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this.block_public_acls,
      aws_s3_bucket_public_access_block.this.block_public_policy,
      aws_s3_bucket_public_access_block.this.ignore_public_acls,
      aws_s3_bucket_public_access_block.this.restrict_public_buckets,
    ])
    error_message = "All four public access blocks are on."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are off."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is on."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Without a key, SSE-S3."
  }

  assert {
    condition = (
      jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Effect == "Deny"
      && jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    )
    error_message = "Plain HTTP is refused."
  }

  assert {
    condition     = length(aws_sqs_queue.events) == 0 && output.queue_url == null
    error_message = "No queue unless asked for."
  }
}

run "a_key_switches_to_kms_with_a_bucket_key" {
  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/0b7c4d0e-2f6e-4b6e-9d55-7f0f5a1c2d3e"
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled
      && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    )
    error_message = "SSE-KMS with a bucket key."
  }
}

run "only_events_of_this_bucket_and_account_reach_the_queue" {
  variables {
    notifications = { queue_name = "example-events", prefix = "landing/" }
  }

  assert {
    condition = (
      jsondecode(aws_sqs_queue.events[0].policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == "arn:aws:s3:::example"
      && jsondecode(aws_sqs_queue.events[0].policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
      && jsondecode(aws_sqs_queue.events[0].policy).Statement[0].Resource == "arn:aws:sqs:eu-west-1:123456789012:example-events"
    )
    error_message = "The queue's policy names bucket and account."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.events[0].redrive_policy).maxReceiveCount == 5
    error_message = "What cannot be handled goes to the dead letter queue."
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this[0].queue).filter_prefix == "landing/"
    error_message = "Only events below the prefix."
  }
}

run "notifications_without_an_account_are_refused" {
  command = plan

  variables {
    account_id    = null
    notifications = { queue_name = "example-events" }
  }

  expect_failures = [var.notifications]
}

run "a_name_s3_does_not_take_is_refused" {
  command = plan

  variables {
    name = "Example_Bucket"
  }

  expect_failures = [var.name]
}
