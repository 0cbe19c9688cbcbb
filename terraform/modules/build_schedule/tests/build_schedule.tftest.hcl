mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/example" }
  }
}

variables {
  name        = "example"
  account_id  = "123456789012"
  project_arn = "arn:aws:codebuild:eu-west-1:123456789012:project/example"
  expression  = "0 2 ? * MON-FRI *"
  timezone    = "Europe/Berlin"
}

run "it_starts_its_own_project_and_nothing_else" {
  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Effect = "Allow", Action = ["codebuild:StartBuild"], Resource = ["arn:aws:codebuild:eu-west-1:123456789012:project/example"] },
    ]
    error_message = "One action on one project."
  }

  assert {
    condition = (
      aws_scheduler_schedule.this.schedule_expression == "cron(0 2 ? * MON-FRI *)"
      && aws_scheduler_schedule.this.schedule_expression_timezone == "Europe/Berlin"
    )
    error_message = "Six fields alone are a cron expression."
  }
}

run "a_cron_of_five_fields_is_refused" {
  command = plan

  variables {
    expression = "cron(0 9 ? * MON-FRI)"
  }

  expect_failures = [var.expression]
}

run "a_name_longer_than_the_service_takes_is_refused" {
  command = plan

  variables {
    name = "a-very-long-name-of-a-project-in-an-environment-with-a-long-name-too"
  }

  expect_failures = [var.name]
}
