data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"
}

# Administrators of the account can replace the policy, as they can with every key; that shows in CloudTrail and as drift.
resource "aws_kms_key" "approval" {
  description              = "Signs approvals of plans; ${var.role_name} alone may"
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = var.deletion_window_days
  tags                     = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyApproversSign"
        Effect    = "Allow"
        Principal = { AWS = aws_iam_role.approver.arn }
        Action    = ["kms:Sign", "kms:GetPublicKey"]
        Resource  = "*"
      },
      {
        # The account's IAM decides who; never about kms:Sign.
        Sid       = "TheAccountVerifiesAndAdministers"
        Effect    = "Allow"
        Principal = { AWS = local.account }
        Action = [
          "kms:CancelKeyDeletion",
          "kms:CreateAlias",
          "kms:DeleteAlias",
          "kms:DescribeKey",
          "kms:DisableKey",
          "kms:EnableKey",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:GetPublicKey",
          "kms:ListResourceTags",
          "kms:PutKeyPolicy",
          "kms:ScheduleKeyDeletion",
          "kms:TagResource",
          "kms:UntagResource",
          "kms:UpdateAlias",
          "kms:UpdateKeyDescription",
          "kms:Verify",
        ]
        Resource = "*"
      },
    ]
  })
}

resource "aws_kms_alias" "approval" {
  name          = "alias/${var.alias}"
  target_key_id = aws_kms_key.approval.key_id
}
