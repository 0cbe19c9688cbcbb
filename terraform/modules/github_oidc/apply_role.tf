resource "aws_iam_role" "apply" {
  name                 = var.apply_role_name
  description          = "Applies for ${var.organization}/${var.repository} from the environment ${var.apply_environment}"
  assume_role_policy   = local.trust.apply
  max_session_duration = var.apply_session_seconds
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "apply_state" {
  name = "state"
  role = aws_iam_role.apply.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        local.list_bucket,
        {
          Sid    = "ReadAndWriteStatesAndPlans"
          Effect = "Allow"
          Action = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
          Resource = [
            "${var.state_bucket_arn}/${var.state_prefix}*",
            "${var.state_bucket_arn}/${var.plan_prefix}*",
          ]
        },
      ],
      local.lock_table,
      local.use_key,
    )
  })
}

resource "aws_iam_role_policy" "apply" {
  count = var.apply_policy == null ? 0 : 1

  name   = "resources"
  role   = aws_iam_role.apply.id
  policy = var.apply_policy
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = toset(var.apply_managed_policy_arns)

  role       = aws_iam_role.apply.name
  policy_arn = each.value
}
