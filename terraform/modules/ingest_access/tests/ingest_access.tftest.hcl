variables {
  partition  = "aws"
  region     = "eu-west-1"
  account_id = "123456789012"
}

run "a_job_that_is_given_nothing_may_do_nothing" {
  assert {
    condition     = length(output.statements) == 0
    error_message = "No statement by itself."
  }
}

run "reading_a_prefix_is_reading_only" {
  variables {
    s3_access = [{ bucket_arn = "arn:aws:s3:::raw", prefix = "flights/" }]
  }

  assert {
    condition     = flatten(output.statements[*].Action) == ["s3:GetObject", "s3:ListBucket"]
    error_message = "Nothing is written."
  }

  assert {
    condition     = output.statements[0].Resource == ["arn:aws:s3:::raw/flights/*"]
    error_message = "Below the prefix only."
  }
}

run "who_writes_may_ask_where_the_bucket_is" {
  variables {
    s3_access = [{ bucket_arn = "arn:aws:s3:::lake", prefix = "till/", write = true }]
  }

  assert {
    condition     = output.statements[2].Action[0] == "s3:GetBucketLocation" && contains(output.statements[0].Action, "s3:PutObject")
    error_message = "It writes below the prefix and sees where the bucket is."
  }
}

run "what_is_denied_stays_denied" {
  variables {
    policy_statements = [{ effect = "Deny", actions = ["sns:Publish"], resources = ["*"] }]
  }

  assert {
    condition     = [for one in output.statements : one.Effect if contains(one.Action, "sns:Publish")] == ["Deny"]
    error_message = "A statement has the effect it is given."
  }
}

run "what_else_the_job_may_do_has_no_wildcard_action" {
  command = plan

  variables {
    policy_statements = [{ actions = ["sns:*"], resources = ["*"] }]
  }

  expect_failures = [var.policy_statements]
}
