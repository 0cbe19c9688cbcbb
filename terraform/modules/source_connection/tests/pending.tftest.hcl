mock_provider "aws" {
  mock_resource "aws_codeconnections_connection" {
    defaults = {
      arn               = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c"
      connection_status = "PENDING"
    }
  }
}

variables {
  name = "example"
}

run "a_pending_connection_says_where_to_approve_it" {
  assert {
    condition     = output.console_url == "https://eu-west-1.console.aws.amazon.com/codesuite/settings/123456789012/eu-west-1/codeconnections/connections/0b7c"
    error_message = "The console's page of the connection."
  }
}

run "a_name_longer_than_the_service_takes_is_refused" {
  command = plan

  variables {
    name = "example-dev-an-organization-with-a-long-name"
  }

  expect_failures = [var.name]
}

run "a_provider_without_a_kind_of_source_is_refused" {
  command = plan

  variables {
    provider_type = "AzureDevOps"
  }

  expect_failures = [var.provider_type]
}
