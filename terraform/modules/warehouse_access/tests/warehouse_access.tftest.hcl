variables {
  partition  = "aws-us-gov"
  region     = "us-gov-west-1"
  account_id = "123456789012"
}

run "athena_runs_queries_in_its_work_group_and_changes_its_own_databases" {
  command = plan

  variables {
    warehouse = {
      engine     = "athena"
      work_group = "analytics"
      databases  = ["marts", "marts_*"]
      locations  = ["s3://example-tables/marts/"]
    }
  }

  assert {
    condition = [
      for statement in output.statements : statement.Resource if try(statement.Sid, "") == "RunQueries"
    ] == [["arn:aws-us-gov:athena:us-gov-west-1:123456789012:workgroup/analytics"]]
    error_message = "One work group, in any partition."
  }

  assert {
    condition = toset(flatten([
      for statement in output.statements : statement.Resource if startswith(statement.Action[0], "s3:")
    ])) == toset(["arn:aws-us-gov:s3:::example-tables", "arn:aws-us-gov:s3:::example-tables/marts/*"])
    error_message = "One bucket, below one prefix."
  }
}

run "what_is_reached_with_a_password_needs_nothing_of_aws" {
  command = plan

  variables {
    warehouse = { engine = "snowflake" }
  }

  assert {
    condition     = length(output.statements) == 0
    error_message = "No statement."
  }
}

run "custom_leaves_everything_to_who_writes_the_statements" {
  command = plan

  variables {
    warehouse = { engine = "athena", iam = "custom" }
  }

  assert {
    condition     = length(output.statements) == 0
    error_message = "No statement."
  }
}

run "broad_means_the_same_actions_and_stays_in_the_account" {
  command = plan

  variables {
    warehouse = { engine = "athena", iam = "broad" }
  }

  assert {
    condition = alltrue([
      for statement in output.statements :
      alltrue([for action in statement.Action : !strcontains(action, "*")])
      && alltrue([for arn in statement.Resource : strcontains(arn, ":123456789012:") || can(statement.Condition)])
    ])
    error_message = "No wildcard action, nothing of another account."
  }
}

run "a_bad_location_database_and_login_are_refused" {
  command = plan

  variables {
    warehouse = { engine = "redshift", cluster = "one", locations = ["example/marts"], databases = ["*"] }
  }

  expect_failures = [var.warehouse]
}
