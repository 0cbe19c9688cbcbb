# Every resource is a row of the table in test_policies.py: its name says what is wrong, `ok_...` that nothing is.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  s3_use_path_style = true

  default_tags {
    tags = { owner = "data" }
  }
}

provider "aws" {
  alias = "without_tags"
}

locals {
  policies = {
    every_action          = [{ Effect = "Allow", Action = "*", Resource = "arn:aws:s3:::data" }]
    service_everywhere    = [{ Effect = "Allow", Action = ["s3:*"], Resource = "*" }]
    not_action            = [{ Effect = "Allow", NotAction = "iam:*", Resource = "*" }]
    secrets_everywhere    = [{ Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = "*" }]
    writes_everywhere     = [{ Effect = "Allow", Action = ["sqs:Send*"], NotResource = "arn:aws:sqs:*:*:private" }]
    pass_any_role         = [{ Effect = "Allow", Action = ["iam:PassRole"], Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } }]
    pass_all_roles        = [{ Effect = "Allow", Action = ["iam:Pass*"], Resource = "arn:aws:iam::123456789012:role/*" }]
    attach                = [{ Effect = "Allow", Action = ["iam:AttachRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*" }]
    attach_if_exists      = [{ Effect = "Allow", Action = ["iam:AttachRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*", Condition = { StringEqualsIfExists = { "iam:PermissionsBoundary" = "arn:aws:iam::123456789012:policy/b" } } }]
    policy_version        = [{ Effect = "Allow", Action = ["iam:CreatePolicyVersion"], Resource = "arn:aws:iam::123456789012:policy/app" }]
    login_profile         = [{ Effect = "Allow", Action = ["iam:CreateLoginProfile"], Resource = "arn:aws:iam::123456789012:user/*" }]
    retrust               = [{ Effect = "Allow", Action = ["iam:UpdateAssumeRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*" }]
    ok_named              = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "arn:aws:s3:::data/*" }]
    ok_service_named      = [{ Effect = "Allow", Action = ["s3:*"], Resource = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"] }]
    ok_lists              = [{ Effect = "Allow", Action = ["ec2:Describe*", "s3:ListAllMyBuckets", "ecr:GetAuthorizationToken", "sts:GetCallerIdentity"], Resource = "*" }]
    ok_denied             = [{ Effect = "Deny", Action = "*", Resource = "*" }, { Effect = "Deny", NotAction = ["s3:*"], Resource = "*" }]
    ok_own_account        = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "*", Condition = { StringEquals = { "aws:ResourceAccount" = "123456789012" } } }]
    ok_pass_named         = [{ Effect = "Allow", Action = ["iam:PassRole"], Resource = "arn:aws:iam::123456789012:role/app-*" }]
    ok_attach_bounded     = [{ Effect = "Allow", Action = ["iam:AttachRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*", Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::123456789012:policy/b" } } }]
    ok_attach_taken_back  = [{ Effect = "Allow", Action = ["iam:AttachRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*" }, { Effect = "Deny", Action = ["iam:Attach*"], Resource = "*" }]
    ok_retrust_of_bounded = [{ Effect = "Allow", Action = ["iam:CreateRole"], Resource = "arn:aws:iam::123456789012:role/app-*", Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::123456789012:policy/b" } } }, { Effect = "Allow", Action = ["iam:UpdateAssumeRolePolicy"], Resource = "arn:aws:iam::123456789012:role/app-*" }]
  }

  github = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  sub    = "token.actions.githubusercontent.com:sub"
  aud    = "token.actions.githubusercontent.com:aud"
  ours   = "repo:example-org/skyline:ref:refs/heads/main"

  trusts = {
    no_subject         = { StringEquals = { (local.aud) = "sts.amazonaws.com" } }
    no_audience        = { StringEquals = { (local.sub) = local.ours } }
    any_branch         = { StringEquals = { (local.aud) = "sts.amazonaws.com" }, StringLike = { (local.sub) = "repo:example-org/skyline:*" } }
    absent_subject     = { StringEquals = { (local.aud) = "sts.amazonaws.com" }, "ForAllValues:StringEquals" = { (local.sub) = local.ours } }
    absent_audience    = { StringEqualsIfExists = { (local.aud) = "sts.amazonaws.com" }, StringEquals = { (local.sub) = local.ours } }
    ok_exact           = { StringEquals = { (local.aud) = "sts.amazonaws.com", (local.sub) = [local.ours] } }
    ok_like_and_exact  = { StringEquals = { (local.aud) = "sts.amazonaws.com", (local.sub) = local.ours }, StringLike = { (local.sub) = "repo:example-org/*" } }
    ok_like_without_it = { StringLike = { (local.aud) = "sts.amazonaws.com", (local.sub) = local.ours } }
  }
}

resource "aws_iam_policy" "of" {
  for_each = local.policies

  name   = each.key
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_iam_role" "trusting" {
  for_each = local.trusts

  name = each.key
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity", Principal = { Federated = local.github }, Condition = each.value }]
  })
}

resource "aws_iam_role" "inline" {
  name = "inline"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })

  inline_policy {
    name   = "all"
    policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
  }
}

resource "aws_iam_role_policy_attachment" "administrator" {
  role       = aws_iam_role.inline.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

resource "aws_iam_role_policy_attachment" "ok_reader" {
  role       = aws_iam_role.inline.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

# --- who gets in ---

locals {
  buckets = {
    open       = { principal = "*", condition = {}, blocked = null }
    unblocked  = { principal = { AWS = "*" }, condition = {}, blocked = false }
    anywhere   = { principal = "*", condition = { IpAddress = { "aws:SourceIp" = "0.0.0.0/0" } }, blocked = null }
    if_exists  = { principal = "*", condition = { StringEqualsIfExists = { "aws:PrincipalOrgID" = "o-a1" } }, blocked = null }
    ok_blocked = { principal = "*", condition = {}, blocked = true }
    ok_our_org = { principal = "*", condition = { StringEquals = { "aws:PrincipalOrgID" = "o-a1" } }, blocked = null }
    ok_named   = { principal = { AWS = "arn:aws:iam::123456789012:root" }, condition = {}, blocked = null }
  }
}

resource "aws_s3_bucket" "of" {
  for_each = local.buckets

  bucket = "judged-${replace(each.key, "_", "-")}"
}

resource "aws_s3_bucket_public_access_block" "of" {
  for_each = { for name, bucket in local.buckets : name => bucket.blocked if bucket.blocked != null }

  bucket                  = "judged-${replace(each.key, "_", "-")}"
  block_public_acls       = each.value
  block_public_policy     = each.value
  ignore_public_acls      = each.value
  restrict_public_buckets = each.value
}

resource "aws_s3_bucket_policy" "of" {
  for_each = local.buckets

  bucket = "judged-${replace(each.key, "_", "-")}"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(
        { Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::judged-${each.key}/*", Principal = each.value.principal },
        length(each.value.condition) > 0 ? { Condition = each.value.condition } : {},
      ),
      { Effect = "Deny", Action = "s3:*", Resource = "*", Principal = "*", Condition = { Bool = { "aws:SecureTransport" = "false" } } },
    ]
  })
}

resource "aws_s3_bucket_acl" "of" {
  for_each = { public-read = "judged-open", private = "judged-ok-named", public-read-write = "judged-ok-blocked" }

  bucket = each.value
  acl    = each.key
}

resource "aws_s3_bucket_acl" "granted" {
  bucket = "judged-open"

  access_control_policy {
    owner {
      id = "0"
    }

    grant {
      permission = "READ"

      grantee {
        type = "Group"
        uri  = "http://acs.amazonaws.com/groups/global/AllUsers"
      }
    }
  }
}

resource "aws_sqs_queue" "open" {
  name   = "open"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "*", Principal = "*" }] })
}

resource "aws_sqs_queue" "ok_from_a_bucket" {
  name = "from-a-bucket"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sqs:SendMessage", Resource = "*", Principal = "*"
      Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:s3:::judged-*" } }
    }]
  })
}

resource "aws_lambda_permission" "open" {
  action        = "lambda:InvokeFunction"
  function_name = "f"
  principal     = "*"
}

resource "aws_lambda_permission" "ok_from_a_bucket" {
  action        = "lambda:InvokeFunction"
  function_name = "f"
  principal     = "s3.amazonaws.com"
  source_arn    = "arn:aws:s3:::judged-open"
}

# --- encryption ---

resource "aws_db_instance" "plain" {
  instance_class      = "db.t4g.micro"
  engine              = "postgres"
  allocated_storage   = 20
  username            = "u"
  password            = "canary-password"
  publicly_accessible = true
}

resource "aws_db_instance" "ok_encrypted" {
  instance_class    = "db.t4g.micro"
  engine            = "postgres"
  allocated_storage = 20
  username          = "u"
  password          = "canary-password"
  storage_encrypted = true
}

resource "aws_db_instance" "ok_replica" {
  instance_class      = "db.t4g.micro"
  replicate_source_db = "another"
}

resource "aws_rds_cluster" "plain" {
  engine          = "aurora-postgresql"
  master_username = "u"
  master_password = "canary-password"
}

resource "aws_rds_cluster" "ok_serverless" {
  engine          = "aurora-postgresql"
  engine_mode     = "serverless"
  master_username = "u"
  master_password = "canary-password"
}

resource "aws_docdb_cluster" "plain" {
  master_username = "u"
  master_password = "canary-password"
}

resource "aws_neptune_cluster" "plain" {}

resource "aws_redshift_cluster" "plain" {
  cluster_identifier = "w"
  node_type          = "ra3.large"
  master_username    = "u"
  master_password    = "Canary-passw0rd"
  encrypted          = false
}

resource "aws_redshift_cluster" "ok_encrypted" {
  cluster_identifier  = "e"
  node_type           = "ra3.large"
  master_username     = "u"
  master_password     = "Canary-passw0rd"
  encrypted           = true
  publicly_accessible = false
}

resource "aws_ebs_volume" "plain" {
  availability_zone = "us-east-1a"
  size              = 1
}

resource "aws_ebs_volume" "ok_encrypted" {
  availability_zone = "us-east-1a"
  size              = 1
  encrypted         = true
}

resource "aws_efs_file_system" "plain" {}

resource "aws_efs_file_system" "ok_encrypted" {
  encrypted = true
}

resource "aws_sqs_queue" "plain" {
  name                    = "plain"
  sqs_managed_sse_enabled = false
}

resource "aws_sqs_queue" "ok_default" {
  name = "default"
}

resource "aws_dynamodb_table" "ok_default" {
  name         = "t"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "k"

  attribute {
    name = "k"
    type = "S"
  }
}

# --- tags ---

resource "aws_sns_topic" "untagged" {
  provider = aws.without_tags

  name = "untagged"
  tags = { other = "tag" }
}

resource "aws_sns_topic" "ok_own_tag" {
  provider = aws.without_tags

  name = "own"
  tags = { owner = "somebody" }
}
