locals {
  # `arn:…:secret:NAME-SUFFIX:json-key:stage:version`: the permission is for the secret, the first seven parts.
  secret_arns = sort(distinct([
    for reference in values(var.secrets) : join(":", slice(split(":", reference), 0, 7))
  ]))

  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  execution_statements = concat(
    [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
    ],
    [
      for arn in var.repository_arn == null ? [] : [var.repository_arn] : {
        Sid      = "PullImage"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = [arn]
      }
    ],
    [
      # ECR has no narrower resource for this action.
      for arn in var.repository_arn == null ? [] : [var.repository_arn] : {
        Sid      = "LogInToRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      }
    ],
    [
      for arns in length(local.secret_arns) == 0 ? [] : [local.secret_arns] : {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = arns
      }
    ],
  )

  task_statements = concat(
    [
      for access in var.s3_access : {
        Effect = "Allow"
        Action = concat(
          ["s3:GetObject"],
          access.write ? ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"] : [],
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
      for statement in var.policy_statements : merge(
        {
          Effect   = "Allow"
          Action   = statement.actions
          Resource = statement.resources
        },
        statement.condition == null ? {} : { Condition = statement.condition },
      )
    ],
  )
}
