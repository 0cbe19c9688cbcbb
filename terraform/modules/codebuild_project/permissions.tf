module "warehouse_access" {
  source = "../warehouse_access"
  count  = var.warehouse == null ? 0 : 1

  partition  = local.partition
  region     = local.region
  account_id = var.account_id
  warehouse  = var.warehouse
}

locals {
  # `arn:…:secret:NAME-SUFFIX:json-key:stage:version`: the permission is for the secret, the first seven parts.
  secret_arns = sort(distinct([
    for variable in values(var.environment_variables) : join(":", slice(split(":", variable.value), 0, 7))
    if variable.type == "SECRETS_MANAGER"
  ]))

  parameter_arns = sort(distinct([
    for variable in values(var.environment_variables) :
    "arn:${local.partition}:ssm:${local.scope}:parameter/${trimprefix(variable.value, "/")}"
    if variable.type == "PARAMETER_STORE"
  ]))

  # Statements stay a tuple: their shapes differ, and a conditional would have to unify them.
  statements = concat(
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
      for arn in local.uses_connection ? [var.source_location.connection_arn] : [] : {
        Sid    = "ReadSource"
        Effect = "Allow"
        Action = [
          "codeconnections:GetConnection", "codeconnections:GetConnectionToken", "codeconnections:UseConnection",
        ]
        Resource = [arn]
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
    [
      for arns in length(local.parameter_arns) == 0 ? [] : [local.parameter_arns] : {
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameters"]
        Resource = arns
      }
    ],
    [
      for access in var.s3_access : {
        Effect = "Allow"
        Action = concat(
          # With versions, as CodeBuild reads an S3 source.
          ["s3:GetObject", "s3:GetObjectVersion"],
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
      for arn in distinct(var.s3_access[*].bucket_arn) : {
        # CodeBuild looks at a bucket's owner before it uploads artifacts.
        Effect   = "Allow"
        Action   = ["s3:GetBucketAcl", "s3:GetBucketLocation"]
        Resource = [arn]
      }
    ],
    [
      for location in var.cache.type == "S3" ? [var.cache.location] : [] : {
        Sid      = "KeepCache"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["arn:${local.partition}:s3:::${trimsuffix(location, "/")}/*"]
      }
    ],
    [
      for arn in var.kms_key_arn == null ? [] : [var.kms_key_arn] : {
        Sid      = "UseKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
        Resource = [arn]
      }
    ],
    [
      # From the documentation of CodeBuild in a VPC; only CreateNetworkInterfacePermission can be narrowed.
      for config in var.vpc_config == null ? [] : [var.vpc_config] : {
        Sid    = "JoinVpc"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeDhcpOptions",
          "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      }
    ],
    [
      for config in var.vpc_config == null ? [] : [var.vpc_config] : {
        Sid      = "LendNetworkInterface"
        Effect   = "Allow"
        Action   = ["ec2:CreateNetworkInterfacePermission"]
        Resource = ["arn:${local.partition}:ec2:${local.scope}:network-interface/*"]
        Condition = {
          StringEquals = {
            "ec2:AuthorizedService" = "codebuild.amazonaws.com"
            "ec2:Subnet"            = [for id in config.subnets : "arn:${local.partition}:ec2:${local.scope}:subnet/${id}"]
          }
        }
      }
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
