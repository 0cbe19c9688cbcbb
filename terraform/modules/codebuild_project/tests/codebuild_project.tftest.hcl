mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-gov-west-1" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws-us-gov:iam::123456789012:role/example" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:/example" }
  }
}

variables {
  name           = "example"
  account_id     = "123456789012"
  role_name      = "example"
  log_group_name = "/example"
  image          = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
  buildspec      = "{\"version\": \"0.2\", \"phases\": {\"build\": {\"commands\": [\"true\"]}}}"
}

run "only_builds_of_this_project_and_account_take_on_its_role" {
  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnEquals    = { "aws:SourceArn" = "arn:aws-us-gov:codebuild:us-gov-west-1:123456789012:project/example" }
    }
    error_message = "The trust names project and account, in any partition."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:/example:*"]
      },
    ]
    error_message = "A build that is given nothing may write its own log and nothing else."
  }

  assert {
    condition     = !aws_codebuild_project.this.environment[0].privileged_mode
    error_message = "No Docker daemon unless asked for."
  }
}

run "the_role_may_read_exactly_the_secrets_and_parameters_of_its_variables" {
  variables {
    environment_variables = {
      LEVEL    = { value = "$${INFO} \"quoted\"" }
      PASSWORD = { type = "SECRETS_MANAGER", value = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:db-a1b2c3:password" }
      TOKEN    = { type = "PARAMETER_STORE", value = "/example/token" }
    }
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource
      if contains(["ReadSecrets", "ReadParameters"], try(statement.Sid, ""))
      ] == [
      ["arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:db-a1b2c3"],
      ["arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/example/token"],
    ]
    error_message = "One secret, one parameter."
  }

  assert {
    condition = {
      for variable in aws_codebuild_project.this.environment[0].environment_variable : variable.name => variable.value
    }["LEVEL"] == "$${INFO} \"quoted\""
    error_message = "A value arrives as it was written."
  }
}

run "a_github_source_uses_its_connection_and_no_other" {
  variables {
    image          = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/example:abc"
    repository_arn = "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/example"
    source_location = {
      type           = "GITHUB"
      location       = "https://github.com/example-org/flights"
      branch         = "main"
      connection_arn = "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/0b7c"
    }
  }

  assert {
    condition = (
      aws_codebuild_project.this.source[0].auth[0].type == "CODECONNECTIONS"
      && aws_codebuild_project.this.source[0].auth[0].resource == "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/0b7c"
      && aws_codebuild_project.this.environment[0].image_pull_credentials_type == "SERVICE_ROLE"
    )
    error_message = "The source's own connection, the project's own role."
  }

  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource
      if contains(["PullImage", "ReadSource"], try(statement.Sid, ""))
      } == {
      PullImage  = ["arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/example"]
      ReadSource = ["arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/0b7c"]
    }
    error_message = "One repository, one connection."
  }
}

run "gitlab_and_bitbucket_are_sources_like_github" {
  variables {
    source_location = {
      type           = "GITLAB"
      location       = "https://gitlab.com/example-org/data/flights"
      branch         = "main"
      connection_arn = "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/0b7c"
    }
  }

  assert {
    condition     = aws_codebuild_project.this.source[0].auth[0].type == "CODECONNECTIONS"
    error_message = "Every provider's source uses its connection."
  }
}

run "an_address_of_another_provider_is_refused" {
  command = plan

  variables {
    source_location = {
      type           = "BITBUCKET"
      location       = "https://github.com/example-org/flights"
      branch         = "main"
      connection_arn = "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/0b7c"
    }
  }

  expect_failures = [var.source_location]
}

run "what_the_engine_needs_joins_the_roles_own_statements" {
  variables {
    warehouse = { engine = "redshift", cluster = "one", database = "marts", user = "dbt" }
    cache     = { type = "S3", location = "example-artifacts/cache/flights" }
  }

  assert {
    condition = toset([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid]) == toset([
      "WriteLogs", "KeepCache", "LogInToCluster", "FindCluster",
    ])
    error_message = "Own log, own cache, own cluster."
  }

  assert {
    condition     = aws_codebuild_project.this.cache[0].location == "example-artifacts/cache/flights"
    error_message = "The cache is kept where the role may write it."
  }
}

run "a_github_source_without_a_connection_is_refused" {
  command = plan

  variables {
    source_location = { type = "GITHUB", location = "https://github.com/example-org/flights", branch = "main" }
  }

  expect_failures = [var.source_location]
}

run "wildcard_actions_and_bad_timeouts_are_refused" {
  command = plan

  variables {
    build_timeout     = 3
    policy_statements = [{ actions = ["s3:*"], resources = ["*"] }]
  }

  expect_failures = [var.build_timeout, var.policy_statements]
}

run "a_buildspec_path_is_refused" {
  command = plan

  variables {
    buildspec = "buildspec.yml"
  }

  expect_failures = [var.buildspec]
}
