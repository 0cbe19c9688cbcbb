mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/example" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/example" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:example-failed" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
}

variables {
  name           = "example"
  account_id     = "123456789012"
  role_name      = "example"
  log_group_name = "/example"
  image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example:abc"
}

run "only_functions_of_this_account_take_on_the_role_and_it_only_writes_its_log" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
    }
    error_message = "The trust names the account."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid == ["WriteLogs"]
    error_message = "A function that is given nothing may do nothing else."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.maximum_retry_attempts == 0
    error_message = "Failed work is not repeated by Lambda."
  }

  assert {
    condition     = length(aws_sqs_queue.dead_letter) + length(aws_cloudwatch_metric_alarm.this) + length(module.key) == 0
    error_message = "Queue, alarms and key are made where they are asked for."
  }
}

run "its_code_reads_the_secrets_it_is_given_and_no_others" {
  variables {
    environment            = { LEVEL = "INFO" }
    secret_arns            = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-a1b2c3:token::"]
    own_key                = true
    dead_letter_queue_name = "example-failed"
    alarm_name             = "example"
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this.policy).Statement[1].Resource
      == ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-a1b2c3"]
    )
    error_message = "The secret itself, whatever part of it is meant."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this.policy).Statement[*].Sid
      == ["WriteLogs", "ReadSecrets", "ReadSettings", "LayDownDeadLetters"]
    )
    error_message = "One statement for each of what it has."
  }

  assert {
    condition = (
      aws_lambda_function.this.kms_key_arn == module.key[0].arn
      && aws_cloudwatch_log_group.this.kms_key_id == module.key[0].arn
    )
    error_message = "Variables and logs are encrypted with the function's key."
  }

  assert {
    condition     = [for alarm in aws_cloudwatch_metric_alarm.this : alarm.metric_name] == ["Errors", "Throttles"]
    error_message = "Failures and throttles are watched."
  }
}

run "a_function_in_a_vpc_has_no_way_in_and_its_code_makes_no_interfaces" {
  variables {
    vpc_config = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"] }
  }

  assert {
    condition     = length(aws_security_group.this) == 1 && length(aws_vpc_security_group_egress_rule.this) == 1
    error_message = "One egress rule and nothing else."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this.policy).Statement[2].Effect == "Deny"
      && jsondecode(aws_iam_role_policy.this.policy).Statement[1].Action == jsondecode(aws_iam_role_policy.this.policy).Statement[2].Action
    )
    error_message = "Lambda may, the code may not."
  }
}

run "a_package_takes_the_place_of_an_image" {
  variables {
    image   = null
    package = { handler = "ingest.handler", runtime = "python3.12", s3_bucket = "code", s3_key = "ingest.zip" }
  }

  assert {
    condition     = aws_lambda_function.this.package_type == "Zip" && length(aws_lambda_function.this.image_config) == 0
    error_message = "A zip package has no image."
  }
}

run "a_function_is_made_of_one_thing" {
  command = plan

  variables {
    package = { handler = "ingest.handler", runtime = "python3.12", s3_bucket = "code", s3_key = "ingest.zip" }
  }

  expect_failures = [var.package]
}

run "more_time_than_lambda_has_is_refused" {
  command = plan

  variables {
    timeout = 901
  }

  expect_failures = [var.timeout]
}
