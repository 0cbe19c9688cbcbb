locals {
  list_bucket = {
    Sid      = "FindStates"
    Effect   = "Allow"
    Action   = ["s3:ListBucket"]
    Resource = [var.state_bucket_arn]
  }

  lock_table = [
    for arn in var.lock_table_arn == null ? [] : [var.lock_table_arn] : {
      Sid      = "HoldLocksInTable"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
      Resource = [arn]
    }
  ]

  # The table holds two items per state: the lock, `BUCKET/KEY`, and the state's digest, `BUCKET/KEY-md5`.
  lock_items_only = {
    "ForAllValues:StringLike" = {
      "dynamodb:LeadingKeys" = ["${split(":::", var.state_bucket_arn)[1]}/${var.state_prefix}*.tfstate"]
    }
  }

  use_key = [
    for arn in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
      Sid      = "UseStateKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [arn]
    }
  ]
}
