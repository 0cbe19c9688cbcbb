# Tables and query results in S3, reached with the caller's own permissions.
locals {
  read_objects  = ["s3:GetObject"]
  write_objects = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
  see_buckets   = ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"]

  # A location that is read and written is not also one that is only read.
  written = merge({ for url in var.warehouse.read_locations : url => false }, { for url in var.warehouse.locations : url => true })
  places = [
    for url, write in local.written : {
      bucket  = "arn:${var.partition}:s3:::${split("/", url)[2]}"
      prefix  = join("/", slice(split("/", url), 3, length(split("/", url))))
      actions = write ? local.write_objects : local.read_objects
    }
  ]

  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  storage = concat(
    [
      for place in local.places : {
        Effect   = "Allow"
        Action   = place.actions
        Resource = ["${place.bucket}/${place.prefix}*"]
      } if !local.broad
    ],
    [
      for place in local.places : {
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = [place.bucket]
        Condition = { StringLike = { "s3:prefix" = ["${place.prefix}*"] } }
      } if !local.broad && place.prefix != ""
    ],
    [
      # Who lists a whole bucket may name no prefix, which a condition on it would refuse.
      for place in local.places : {
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [place.bucket]
      } if !local.broad && place.prefix == ""
    ],
    [
      for bucket in distinct(local.places[*].bucket) : {
        Effect   = "Allow"
        Action   = local.see_buckets
        Resource = [bucket]
      } if !local.broad
    ],
    [
      # A bucket has no account in its ARN; what is broad stays in this one all the same.
      for enabled in local.broad ? [true] : [] : {
        Sid       = "ReadAndWriteBuckets"
        Effect    = "Allow"
        Action    = concat(local.write_objects, local.see_buckets, ["s3:ListBucket"])
        Resource  = ["arn:${var.partition}:s3:::*"]
        Condition = { StringEquals = { "aws:ResourceAccount" = var.account_id } }
      }
    ],
  )

  keys = [
    for arns in length(var.warehouse.kms_key_arns) == 0 ? [] : [var.warehouse.kms_key_arns] : {
      Sid      = "UseKeys"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = arns
    }
  ]
}
