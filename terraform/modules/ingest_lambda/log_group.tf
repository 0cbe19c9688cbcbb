resource "aws_cloudwatch_log_group" "this" {
  name              = var.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = local.kms_key_arn
  tags              = var.tags
}

module "key" {
  source = "../ingest_key"
  count  = var.own_key ? 1 : 0

  name           = var.name
  account_id     = var.account_id
  log_group_name = var.log_group_name
  tags           = var.tags
}

locals {
  # Whether there is a key is known before the key is.
  encrypted   = var.own_key || var.kms_key_arn != null
  kms_key_arn = var.own_key ? module.key[0].arn : var.kms_key_arn
}
