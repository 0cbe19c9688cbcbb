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

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/example" }
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

run "memory_fargate_does_not_offer_is_refused" {
  command = plan

  variables {
    cpu    = 256
    memory = 4096
  }

  expect_failures = [var.memory]
}
