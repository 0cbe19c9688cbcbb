mock_provider "aws" {
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_data "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::123456789012:oidc-provider/of-somebody-else" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-cn" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/example" }
  }
}

variables {
  organization      = "Example-Org"
  repository        = "skyline"
  plan_role_name    = "plan"
  plan_branches     = ["main"]
  apply_role_name   = "apply"
  apply_environment = "prod"
  state_bucket_arn  = "arn:aws:s3:::example-tfstate"
}

run "the_first_plan_knows_who_gets_in" {
  command = plan

  assert {
    condition = toset([
      for policy in [aws_iam_role.plan.assume_role_policy, aws_iam_role.apply.assume_role_policy] :
      jsondecode(policy).Statement[0].Principal.Federated
    ]) == toset(["arn:aws-cn:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"])
    error_message = "The provider's ARN is known before the provider is there."
  }
}

run "trust_is_by_exact_subject_and_audience" {
  assert {
    condition = jsondecode(aws_iam_role.plan.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = [
          "repo:Example-Org/skyline:ref:refs/heads/main", "repo:Example-Org/skyline:pull_request",
        ]
      }
    }
    error_message = "The plan role: this repository's branch and pull requests."
  }

  assert {
    condition = jsondecode(aws_iam_role.apply.assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:Example-Org/skyline:environment:prod"]
      }
    }
    error_message = "The apply role: this repository's environment."
  }
}

run "the_plan_role_reads_states_and_writes_locks_and_plans_only" {
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.plan_state.policy).Statement :
      statement.Sid => { actions = statement.Action, resources = statement.Resource }
      } == {
      FindStates = { actions = ["s3:ListBucket"], resources = ["arn:aws:s3:::example-tfstate"] }
      ReadStates = { actions = ["s3:GetObject"], resources = ["arn:aws:s3:::example-tfstate/stacks/*"] }
      HoldLocks  = { actions = ["s3:PutObject", "s3:DeleteObject"], resources = ["arn:aws:s3:::example-tfstate/stacks/*.tflock"] }
      SavePlans  = { actions = ["s3:PutObject"], resources = ["arn:aws:s3:::example-tfstate/plans/*"] }
    }
    error_message = "Nothing else."
  }

  assert {
    condition     = length(aws_iam_role_policy_attachment.plan) == 0 && length(aws_iam_role_policy.apply) == 0
    error_message = "No other policy unless asked for."
  }
}

run "the_plan_role_holds_locks_in_a_table_and_leaves_digests_alone" {
  variables {
    lock_table_arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/locks"
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.plan_state.policy).Statement : statement.Condition
      if statement.Sid == "HoldLocksInTable"
    ])["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["example-tfstate/stacks/*.tfstate"]
    error_message = "Items of locks, not of digests."
  }
}

run "an_existing_provider_is_looked_up" {
  variables {
    create_provider = false
  }

  assert {
    condition = (
      length(aws_iam_openid_connect_provider.github) == 0
      && jsondecode(aws_iam_role.plan.assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::123456789012:oidc-provider/of-somebody-else"
    )
    error_message = "The account's provider is used, none is made."
  }
}

run "wildcards_in_organization_and_repository_are_refused" {
  command = plan

  variables {
    organization = "*"
    repository   = "sky*"
  }

  expect_failures = [var.organization, var.repository]
}

run "wildcards_in_branches_and_environment_are_refused" {
  command = plan

  variables {
    plan_branches     = ["release/*"]
    apply_environment = "*"
  }

  expect_failures = [var.plan_branches, var.apply_environment]
}

run "plans_may_not_lie_among_the_states" {
  command = plan

  variables {
    plan_prefix = "stacks/plans/"
  }

  expect_failures = [var.plan_prefix]
}

run "an_administrator_is_refused" {
  command = plan

  variables {
    apply_managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
  }

  expect_failures = [var.apply_managed_policy_arns]
}
