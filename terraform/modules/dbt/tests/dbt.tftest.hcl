mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  mock_data "aws_region" {
    defaults = { name = "us-gov-west-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws-us-gov:iam::123456789012:role/example" }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:/example" }
  }

  mock_resource "aws_codebuild_project" {
    defaults = { arn = "arn:aws-us-gov:codebuild:us-gov-west-1:123456789012:project/example" }
  }
}

variables {
  name        = "example"
  environment = "dev"
  config_file = "tests/files/complete.yml"
  image       = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/example-dev-dbt:3f1c"
  connection_arns = {
    acme          = "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/aaaa"
    dev-acme-labs = "arn:aws-us-gov:codeconnections:us-gov-west-1:123456789012:connection/bbbb"
  }
}

run "every_active_entry_is_a_project_with_its_own_role_and_schedule" {
  assert {
    condition     = keys(output.projects) == ["complete-project", "other-org", "over-ssh"]
    error_message = "Active entries, and no others."
  }

  assert {
    condition = (
      output.projects["complete-project"].name == "example-dev-dbt-complete-project"
      && output.projects["complete-project"].timeout == 180
      && output.projects["complete-project"].engine == "redshift"
      && output.projects["complete-project"].repository == "acme/marts"
      && output.projects["complete-project"].schedule == "cron(0 3 * * ? *)"
      && startswith(output.projects["complete-project"].url, "https://us-gov-west-1.console.amazonaws-us-gov.com/")
    )
    error_message = "What the entry says, in any partition."
  }

  assert {
    condition     = output.unscheduled == ["other-org", "over-ssh"] && keys(output.schedules) == ["complete-project"]
    error_message = "A schedule where one is written."
  }

  assert {
    condition = (
      local.images["complete-project"] == "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com/dbt-custom:1.2"
      && local.repositories["complete-project"].name == "dbt-custom"
      && local.repositories["other-org"].name == "example-dev-dbt"
    )
    error_message = "The project's own image, or everybody's, and its repository."
  }
}

run "commands_and_variables_arrive_as_they_are_written" {
  command = plan

  assert {
    condition = (
      slice(jsondecode(local.buildspecs["complete-project"]).phases.build.commands, 1, 3)
      == ["dbt run --vars '{\"a\": \"$${b}\"}'", "dbt test # all: of it"]
    )
    error_message = "Each command once, as it is."
  }

  assert {
    condition = (
      local.variables["complete-project"]["LEVEL"].value == "$${INFO} \"quoted\""
      && local.variables["complete-project"]["COUNT"].value == "3"
      && local.variables["complete-project"]["DB_PASSWORD"] == {
        value = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:db-a1b2c3"
        type  = "SECRETS_MANAGER"
      }
    )
    error_message = "Any value, and secrets as references."
  }
}

run "organizations_are_matched_exactly" {
  command = plan

  assert {
    condition = (
      var.connection_arns[local.projects["complete-project"].owner] != var.connection_arns[local.projects["other-org"].owner]
    )
    error_message = "acme is not a part of dev-acme-labs."
  }
}

run "a_deploy_key_is_a_reference_and_the_hosts_keys_are_pinned" {
  command = plan

  assert {
    condition = (
      local.variables["over-ssh"]["BUILDKIT_DEPLOY_KEY"].type == "SECRETS_MANAGER"
      && local.variables["over-ssh"]["BUILDKIT_REPOSITORY"].value == "git@gitlab.com:acme/private.git"
      && local.variables["over-ssh"]["BUILDKIT_BRANCH"].value == "release"
      && alltrue([for line in split("\n", local.known_hosts["over-ssh"]) : startswith(line, "gitlab.com ")])
      && length(jsondecode(local.buildspecs["over-ssh"]).phases.pre_build.commands) == 1
      && !can(jsondecode(local.buildspecs["other-org"]).phases.pre_build)
    )
    error_message = "The key by its ARN, and the keys of its own host only."
  }
}

run "one_entry_alone_is_a_project_too" {
  command = plan

  variables {
    config_file = "tests/files/single.yml"
    iam         = "custom"
  }

  assert {
    condition     = keys(output.projects) == ["single"]
    error_message = "Under either key, in a list or alone."
  }
}

run "what_is_wrong_with_an_entry_is_an_error_and_drops_none" {
  command = plan

  variables {
    config_file = "tests/files/wrong.yml"
  }

  assert {
    condition     = length(local.problems) == 4
    error_message = "Missing keys, an unknown key, a name twice, and no connection are told."
  }

  expect_failures = [data.aws_partition.current]
}

run "a_file_without_either_key_is_refused" {
  command = plan

  variables {
    config_file = "tests/files/neither.yml"
  }

  expect_failures = [data.aws_partition.current]
}

run "a_file_that_is_not_there_is_refused" {
  command = plan

  variables {
    config_file = "tests/files/nowhere.yml"
  }

  expect_failures = [var.config_file]
}
