module "warehouse_access" {
  source = "../warehouse_access"
  count  = var.warehouse == null ? 0 : 1

  partition  = var.partition
  region     = var.region
  account_id = var.account_id
  warehouse  = var.warehouse
}

locals {
  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  statements = concat(
    [
      for access in var.s3_access : {
        Effect = "Allow"
        Action = concat(
          ["s3:GetObject"],
          access.write ? ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"] : [],
        )
        Resource = ["${access.bucket_arn}/${access.prefix}*"]
      }
    ],
    [
      for access in var.s3_access : {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [access.bucket_arn]
        Condition = { StringLike = { "s3:prefix" = ["${access.prefix}*"] } }
      }
    ],
    [
      # Who writes by a file system asks first whether the bucket is there.
      for access in var.s3_access : {
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation"]
        Resource = [access.bucket_arn]
      } if access.write
    ],
    flatten(module.warehouse_access[*].statements),
    [
      for statement in var.policy_statements : merge(
        {
          Effect   = statement.effect
          Action   = statement.actions
          Resource = statement.resources
        },
        statement.condition == null ? {} : { Condition = statement.condition },
      )
    ],
  )
}
