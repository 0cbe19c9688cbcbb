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
    for reference in var.secret_arns : join(":", slice(split(":", reference), 0, 7))
  ]))

  # ARNs are made of names, so that a plan shows the whole document.
  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  statements = concat(
    [
      {
        Sid      = "WriteLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["arn:${local.partition}:logs:${local.region}:${var.account_id}:log-group:${var.log_group_name}:*"]
      },
    ],
    [
      for arns in length(local.secret_arns) == 0 ? [] : [local.secret_arns] : {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = arns
      }
    ],
    [
      for arn in local.encrypted ? [local.kms_key_arn] : [] : {
        Sid      = "ReadSettings"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [arn]
      }
    ],
    [
      for name in var.dead_letter_queue_name[*] : {
        Sid      = "LayDownDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:${local.partition}:sqs:${local.region}:${var.account_id}:${name}"]
      }
    ],
    local.network_statements,
    module.access.statements,
  )
}
