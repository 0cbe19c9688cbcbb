locals {
  by_principal = [
    for principals in length(var.principals) > 0 ? [var.principals] : [] : {
      Effect    = "Allow"
      Principal = { AWS = principals }
      Action    = "sts:AssumeRole"
    }
  ]

  by_environment = [
    for github in var.github == null ? [] : [var.github] : {
      Effect    = "Allow"
      Principal = { Federated = github.provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:${github.organization}/${github.repository}:environment:${github.environment}"
        }
      }
    }
  ]
}

resource "aws_iam_role" "approver" {
  name                 = var.role_name
  description          = "Approves plans: reads their records and signs"
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.by_principal, local.by_environment)
  })
}

# Signing is granted by the key's own policy.
resource "aws_iam_role_policy" "approver" {
  name = "plans"
  role = aws_iam_role.approver.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Records, never the plan files: those have configuration and variables in clear.
        Sid      = "ReadRecordsAndApprovals"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${var.plans_arn}/*.json", "${var.plans_arn}/*.used"]
      },
      {
        Sid      = "StoreApprovals"
        Effect   = "Allow"
        Action   = ["s3:PutObject"]
        Resource = ["${var.plans_arn}/*.approval.json"]
      },
      {
        Sid      = "FindPlans"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [split("/", var.plans_arn)[0]]
      },
    ]
  })
}
