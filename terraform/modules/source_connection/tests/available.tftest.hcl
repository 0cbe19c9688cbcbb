mock_provider "aws" {
  mock_resource "aws_codeconnections_connection" {
    defaults = {
      arn               = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c"
      connection_status = "AVAILABLE"
    }
  }
}

variables {
  name = "example"
}

run "an_approved_connection_needs_nothing" {
  assert {
    condition     = output.console_url == null && output.status == "AVAILABLE"
    error_message = "Nothing to approve."
  }
}
