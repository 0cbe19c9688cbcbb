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

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
}

variables {
  name                = "example"
  account_id          = "123456789012"
  execution_role_name = "example-start"
  task_role_name      = "example"
  log_group_name      = "/example"
  image               = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example:abc"
}

run "only_tasks_of_this_account_take_on_the_roles" {
  assert {
    condition = jsondecode(aws_iam_role.task.assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:eu-west-1:123456789012:*" }
    }
    error_message = "The trust names account and region."
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "A job that is given nothing may do nothing."
  }
}

run "secrets_are_references_that_only_the_execution_role_reads" {
  variables {
    environment = { B = "2", A = "1" }
    secrets     = { TOKEN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-a1b2c3:token::" }
    s3_access   = [{ bucket_arn = "arn:aws:s3:::raw", prefix = "flights/" }]
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment[*].name == ["A", "B"]
    error_message = "Variables in one order, whatever order they came in."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets[0].valueFrom == var.secrets.TOKEN
    error_message = "The secret's ARN, never its value."
  }

  assert {
    condition = (
      strcontains(aws_iam_role_policy.execution.policy, "secret:api-a1b2c3\"")
      && !strcontains(aws_iam_role_policy.task[0].policy, "secretsmanager")
    )
    error_message = "The job itself cannot read secrets."
  }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.task[0].policy).Statement : statement.Action
    ]) == ["s3:GetObject", "s3:ListBucket"]
    error_message = "Reading a prefix is reading only."
  }
}

run "a_task_has_no_way_in" {
  assert {
    condition = (
      length(aws_vpc_security_group_egress_rule.this) == 1
      && aws_vpc_security_group_egress_rule.this["0.0.0.0/0"].ip_protocol == "-1"
    )
    error_message = "One egress rule and nothing else."
  }
}

run "failed_tasks_are_watched_and_logs_encrypted_where_it_is_asked_for" {
  variables {
    alarm_name       = "example_failed"
    alarm_topic_arns = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
    own_key          = true
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.failed[0].event_pattern).detail.group == ["family:example"]
    error_message = "Tasks of this family only."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.failed[0].dimensions == tomap({ RuleName = "example_failed" })
      && aws_cloudwatch_metric_alarm.failed[0].alarm_actions == toset(var.alarm_topic_arns)
    )
    error_message = "The alarm counts what the rule finds, and tells the topic."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.kms_key_id == module.key[0].arn
    error_message = "The logs are encrypted with the task's key."
  }
}

run "memory_fargate_does_not_offer_is_refused" {
  command = plan

  variables {
    cpu    = 256
    memory = 4096
  }

  expect_failures = [var.memory]
}
