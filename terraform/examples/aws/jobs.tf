data "aws_caller_identity" "current" {}

data "aws_subnet" "first" {
  id = var.subnet_ids[0]
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  vpc_id     = data.aws_subnet.first.vpc_id
}

# Started by hand, as the output `run_task` says.
module "hubspot_contacts" {
  source = "../../modules/ingest_ecs_task"

  name                = "acme-prod-hubspot-contacts"
  account_id          = local.account_id
  execution_role_name = "acme-prod-hubspot-contacts_start"
  task_role_name      = "acme-prod-hubspot-contacts"
  alarm_name          = "acme-prod-hubspot-contacts_failed"

  image  = var.image_uri
  cpu    = 1024
  memory = 2048
  vpc_id = local.vpc_id

  # 365 days of `compliance.retention_days`, and `compliance.security.encryption_required`.
  log_group_name     = "/ecs/acme-prod-hubspot-contacts"
  log_retention_days = 365
  own_key            = true

  environment = { JOB_CONFIG_PATH = "/app/jobs/acme/hubspot_contacts.yaml" }

  tags = {
    tenant_id                 = "acme"
    environment               = "prod"
    asset_name                = "hubspot_contacts"
    finops_cost_center        = "ENG-001"
    finops_business_tags      = "sales crm"
    compliance_classification = "PII"
    governance_owner          = "data-team@acme.com"
  }
}

# Started by EventBridge every day at 2 o'clock.
module "stripe_customers" {
  source = "../../modules/ingest_ecs_task"

  name                = "acme-prod-stripe-customers"
  account_id          = local.account_id
  execution_role_name = "acme-prod-stripe-customers_start"
  task_role_name      = "acme-prod-stripe-customers"
  alarm_name          = "acme-prod-stripe-customers_failed"

  image          = var.image_uri
  cpu            = 2048
  memory         = 4096
  vpc_id         = local.vpc_id
  log_group_name = "/ecs/acme-prod-stripe-customers"

  environment = { JOB_CONFIG_PATH = "/app/jobs/acme/stripe_customers.yaml" }

  tags = {
    tenant_id          = "acme"
    environment        = "prod"
    asset_name         = "stripe_customers"
    finops_cost_center = "FIN-001"
  }
}

module "stripe_customers_schedule" {
  source = "../../modules/ingest_schedule"

  name                   = "acme-prod-stripe-customers_schedule"
  account_id             = local.account_id
  expression             = "cron(0 2 * * ? *)"
  timezone               = "UTC"
  dead_letter_queue_name = "acme-prod-stripe-customers_unstarted"

  task = {
    cluster_arn         = var.ecs_cluster_arn
    task_definition_arn = module.stripe_customers.family_arn
    role_arns           = [module.stripe_customers.execution_role_arn, module.stripe_customers.task_role_arn]
    subnet_ids          = var.subnet_ids
    security_group_ids  = concat([module.stripe_customers.security_group_id], var.security_group_ids)
  }

  tags = { tenant_id = "acme", asset_name = "stripe_customers" }
}
