mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  mock_data "aws_region" {
    defaults = { name = "cn-north-1" }
  }
}

variables {
  name           = "example"
  account_id     = "123456789012"
  log_group_name = "/example/logs"
}

run "cloudwatch_encrypts_one_log_group_with_it" {
  assert {
    condition = jsondecode(aws_kms_key.this.policy).Statement[1].Principal == {
      Service = "logs.cn-north-1.amazonaws.com.cn"
    }
    error_message = "The service is called as its partition calls it."
  }

  assert {
    condition = (
      jsondecode(aws_kms_key.this.policy).Statement[1].Condition.ArnEquals["kms:EncryptionContext:aws:logs:arn"]
      == "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/example/logs"
    )
    error_message = "No other log group."
  }

  assert {
    condition     = aws_kms_key.this.enable_key_rotation
    error_message = "It is rotated."
  }
}

run "a_window_kms_does_not_have_is_refused" {
  command = plan

  variables {
    deletion_window_days = 1
  }

  expect_failures = [var.deletion_window_days]
}
