mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/example" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:123456789012:example_unstarted" }
  }
}

variables {
  name       = "example"
  account_id = "123456789012"
  expression = "0 2 ? * MON-FRI *"
  timezone   = "Europe/Berlin"
}

run "a_task_is_started_with_its_own_roles_and_no_others" {
  variables {
    dead_letter_queue_name = "example_unstarted"

    task = {
      cluster_arn         = "arn:aws:ecs:eu-west-1:123456789012:cluster/example"
      task_definition_arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/flights:7"
      role_arns           = ["arn:aws:iam::123456789012:role/flights", "arn:aws:iam::123456789012:role/flights-start"]
      subnet_ids          = ["subnet-1"]
      security_group_ids  = ["sg-1"]
    }
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].ecs_parameters[0].propagate_tags == "TASK_DEFINITION"
    error_message = "Tasks carry the tags of their definition."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource
      == ["arn:aws:ecs:eu-west-1:123456789012:task-definition/flights", "arn:aws:ecs:eu-west-1:123456789012:task-definition/flights:*"]
    )
    error_message = "Every revision of the one definition."
  }

  assert {
    condition = (
      jsondecode(aws_iam_role_policy.this.policy).Statement[1].Resource == [for arn in var.task.role_arns : arn]
      && jsondecode(aws_iam_role_policy.this.policy).Statement[1].Condition.StringEquals["iam:PassedToService"] == "ecs-tasks.amazonaws.com"
    )
    error_message = "Roles are handed to tasks by name."
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].dead_letter_config[0].arn == aws_sqs_queue.dead_letter[0].arn
    error_message = "A start that did not come about is kept."
  }

  assert {
    condition = (
      aws_scheduler_schedule.this.schedule_expression == "cron(0 2 ? * MON-FRI *)"
      && aws_scheduler_schedule.this.schedule_expression_timezone == "Europe/Berlin"
    )
    error_message = "Six fields alone are a cron expression, in a time zone."
  }
}

run "a_function_is_called_with_its_event" {
  variables {
    function = {
      arn   = "arn:aws:lambda:eu-west-1:123456789012:function:customers"
      event = "{\"full\":true}"
    }
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].input == var.function.event
    error_message = "The event as it is given."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Sid = "CallTheFunction", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [var.function.arn] },
    ]
    error_message = "One action on one function."
  }
}

run "a_schedule_that_starts_nothing_is_refused" {
  command = plan

  expect_failures = [var.task]
}

run "a_task_without_a_cluster_is_refused" {
  command = plan

  variables {
    task = {
      cluster_arn         = null
      task_definition_arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/flights:7"
      role_arns           = ["arn:aws:iam::123456789012:role/flights"]
      subnet_ids          = ["subnet-1"]
      security_group_ids  = ["sg-1"]
    }
  }

  expect_failures = [var.task]
}

run "roles_are_never_handed_out_by_a_wildcard" {
  command = plan

  variables {
    task = {
      cluster_arn         = "arn:aws:ecs:eu-west-1:123456789012:cluster/example"
      task_definition_arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/flights:7"
      role_arns           = ["*"]
      subnet_ids          = ["subnet-1"]
      security_group_ids  = ["sg-1"]
    }
  }

  expect_failures = [var.task]
}

run "a_cron_of_five_fields_is_refused" {
  command = plan

  variables {
    expression = "cron(0 9 ? * MON-FRI)"
    function   = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:customers" }
  }

  expect_failures = [var.expression]
}
