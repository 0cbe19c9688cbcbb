mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/approver" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/0" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  alias      = "approvals"
  role_name  = "approver"
  principals = ["arn:aws:iam::123456789012:user/ann"]
  plans_arn  = "arn:aws:s3:::example-tfstate/plans"
}

run "the_approver_role_alone_signs" {
  assert {
    condition = {
      for statement in jsondecode(aws_kms_key.approval.policy).Statement :
      statement.Sid => statement.Principal.AWS if contains(statement.Action, "kms:Sign")
    } == { OnlyApproversSign = "arn:aws:iam::123456789012:role/approver" }
    error_message = "One statement allows kms:Sign, to the approver role."
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in jsondecode(aws_kms_key.approval.policy).Statement : statement.Action]) :
      strcontains(action, "*") == false && action != "kms:CreateGrant"
    ])
    error_message = "No wildcard and no grant gives kms:Sign away."
  }

  assert {
    condition     = aws_kms_key.approval.key_usage == "SIGN_VERIFY" && aws_kms_key.approval.customer_master_key_spec == "ECC_NIST_P256"
    error_message = "The key signs and nothing else."
  }
}

run "named_principals_take_on_the_role" {
  assert {
    condition = jsondecode(aws_iam_role.approver.assume_role_policy).Statement == [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = ["arn:aws:iam::123456789012:user/ann"] } },
    ]
    error_message = "Ann, and nobody from GitHub."
  }
}

run "an_environment_takes_on_the_role_by_exact_subject" {
  variables {
    principals = []
    github = {
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      organization = "example-org"
      repository   = "skyline"
      environment  = "approval"
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.approver.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:example-org/skyline:environment:approval"
      }
    }
    error_message = "The environment of this repository."
  }
}

run "an_approver_reads_records_and_writes_approvals_only" {
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.approver.policy).Statement :
      statement.Sid => { actions = statement.Action, resources = statement.Resource }
      } == {
      ReadRecordsAndApprovals = {
        actions   = ["s3:GetObject"]
        resources = ["arn:aws:s3:::example-tfstate/plans/*.json", "arn:aws:s3:::example-tfstate/plans/*.used"]
      }
      StoreApprovals = { actions = ["s3:PutObject"], resources = ["arn:aws:s3:::example-tfstate/plans/*.approval.json"] }
      FindPlans      = { actions = ["s3:ListBucket"], resources = ["arn:aws:s3:::example-tfstate"] }
    }
    error_message = "No plan file is read, none is written."
  }
}

run "somebody_must_be_able_to_approve" {
  command = plan

  variables {
    principals = []
  }

  expect_failures = [var.principals]
}

run "whole_accounts_and_wildcards_are_refused" {
  command = plan

  variables {
    principals = ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.principals]
}

run "wildcards_in_a_repository_are_refused" {
  command = plan

  variables {
    github = {
      provider_arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
      organization = "example-org"
      repository   = "*"
      environment  = "approval"
    }
  }

  expect_failures = [var.github]
}
