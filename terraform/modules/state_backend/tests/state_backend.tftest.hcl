mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::example-tfstate", region = "eu-west-1" }
  }
}

variables {
  bucket_name = "example-tfstate"
}

run "states_are_private_versioned_encrypted_and_tls_only" {
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.state.block_public_acls,
      aws_s3_bucket_public_access_block.state.block_public_policy,
      aws_s3_bucket_public_access_block.state.ignore_public_acls,
      aws_s3_bucket_public_access_block.state.restrict_public_buckets,
    ])
    error_message = "All four public access blocks are on."
  }

  assert {
    condition     = aws_s3_bucket_versioning.state.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is on."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.state.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Without a key, SSE-S3."
  }

  assert {
    condition = (
      jsondecode(aws_s3_bucket_policy.state.policy).Statement[0].Effect == "Deny"
      && jsondecode(aws_s3_bucket_policy.state.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    )
    error_message = "Plain HTTP is refused."
  }

  assert {
    condition     = !aws_s3_bucket.state.force_destroy
    error_message = "A destroy does not take the states with it."
  }
}

run "plans_expire_and_states_do_not" {
  assert {
    condition = [
      for rule in aws_s3_bucket.state.lifecycle_rule : rule.prefix if length(rule.expiration) > 0
    ] == ["plans/"]
    error_message = "Only objects below plans/ expire while they are current."
  }
}

run "there_is_no_lock_table_unless_asked_for" {
  assert {
    condition     = length(aws_dynamodb_table.lock) == 0 && output.lock_table == null
    error_message = "S3's own lock is the default."
  }
}

run "a_lock_table_is_protected_and_has_the_key_terraform_expects" {
  command = plan

  variables {
    lock_table_name = "example-tflocks"
  }

  assert {
    condition = (
      aws_dynamodb_table.lock[0].hash_key == "LockID"
      && aws_dynamodb_table.lock[0].deletion_protection_enabled
      && aws_dynamodb_table.lock[0].point_in_time_recovery[0].enabled
    )
    error_message = "The table is keyed by LockID, protected and recoverable."
  }
}
