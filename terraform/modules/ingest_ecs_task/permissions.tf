module "access" {
  source = "../ingest_access"

  partition         = local.partition
  region            = local.region
  account_id        = var.account_id
  s3_access         = var.s3_access
  warehouse         = var.warehouse
  policy_statements = var.policy_statements
}

locals {
  # `arn:…:secret:NAME-SUFFIX:json-key:stage:version`: the permission is for the secret, the first seven parts.
  secret_arns = sort(distinct([
    for reference in values(var.secrets) : join(":", slice(split(":", reference), 0, 7))
  ]))

  # ARNs are made of names, so that a plan shows the whole document.
  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  execution_statements = concat(
    [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group:${var.log_group_name}:*"]
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
}
