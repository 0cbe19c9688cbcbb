resource "aws_iam_role" "plan" {
  name                 = var.plan_role_name
  description          = "Plans for ${var.organization}/${var.repository}: reads states, writes locks and plans"
  assume_role_policy   = local.trust.plan
  max_session_duration = 3600
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "plan_state" {
  name = "state"
  role = aws_iam_role.plan.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        local.list_bucket,
        {
          Sid      = "ReadStates"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = ["${var.state_bucket_arn}/${var.state_prefix}*"]
        },
        {
          Sid      = "HoldLocks"
          Effect   = "Allow"
          Action   = ["s3:PutObject", "s3:DeleteObject"]
          Resource = ["${var.state_bucket_arn}/${var.state_prefix}*.tflock"]
        },
        {
          # Writes, never reads: a plan has configuration and variables in clear, and the apply role reads it.
          Sid      = "SavePlans"
          Effect   = "Allow"
          Action   = ["s3:PutObject"]
          Resource = ["${var.state_bucket_arn}/${var.plan_prefix}*"]
        },
      ],
      [for statement in local.lock_table : merge(statement, { Condition = local.lock_items_only })],
      local.use_key,
    )
  })
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = toset(var.plan_managed_policy_arns)

  role       = aws_iam_role.plan.name
  policy_arn = each.value
}
