locals {
  repository = "repo:${var.organization}/${var.repository}"

  plan_subjects = concat(
    [for branch in var.plan_branches : "${local.repository}:ref:refs/heads/${branch}"],
    var.plan_pull_requests ? ["${local.repository}:pull_request"] : [],
  )

  apply_subjects = ["${local.repository}:environment:${var.apply_environment}"]

  # StringEquals, never StringLike: a subject is one repository and one branch, pull request or environment.
  trust = {
    for role, subjects in { plan = local.plan_subjects, apply = local.apply_subjects } : role => jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Effect    = "Allow"
          Principal = { Federated = local.provider_arn }
          Action    = "sts:AssumeRoleWithWebIdentity"
          Condition = {
            StringEquals = {
              "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
              "token.actions.githubusercontent.com:sub" = subjects
            }
          }
        },
      ]
    })
  }
}
