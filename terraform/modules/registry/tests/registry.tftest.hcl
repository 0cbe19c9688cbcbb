mock_provider "aws" {
  mock_resource "aws_codeconnections_connection" {
    defaults = {
      arn               = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c"
      connection_status = "PENDING"
    }
  }
}

variables {
  name          = "example"
  environment   = "dev"
  organizations = ["acme", "dev-acme-labs", "gitlab/acme", "an-organization-with-a-very-long-name"]
}

run "every_organization_has_its_own_connection_and_nobody_elses" {
  assert {
    condition     = toset(keys(output.connection_arns)) == toset(["acme", "dev-acme-labs", "gitlab/acme", "an-organization-with-a-very-long-name"])
    error_message = "Matched exactly, never by a part of a name."
  }

  assert {
    condition     = length(distinct(values(output.connections)[*].name)) == 4 && alltrue([for one in values(output.connections) : length(one.name) <= 32])
    error_message = "Names fit and differ, also where they are cut."
  }

  assert {
    condition     = output.connections["acme"].status == "PENDING" && startswith(output.connections["acme"].console_url, "https://eu-west-1.console.aws.amazon.com/")
    error_message = "Nothing waits: the status says so, with the console's address."
  }

  assert {
    condition     = output.repository_name == "example-dev-dbt"
    error_message = "The environment is in the name once."
  }
}

run "a_connection_that_exists_is_used" {
  variables {
    organizations        = ["acme"]
    existing_connections = { acme = "arn:aws:codeconnections:eu-west-1:123456789012:connection/ffff" }
    repository_name      = "dev-dbtbuildkit"
  }

  assert {
    condition = (
      output.connections == {} && output.repository_name == "dev-dbtbuildkit"
      && output.connection_arns == { acme = "arn:aws:codeconnections:eu-west-1:123456789012:connection/ffff" }
    )
    error_message = "None is made; names that exist stay."
  }
}

run "an_unknown_provider_is_refused" {
  command = plan

  variables {
    organizations = ["azure/acme"]
  }

  expect_failures = [var.organizations]
}
