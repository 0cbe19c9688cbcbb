locals {
  invokers = var.runner == null ? [] : [var.runner]
}

# Started by hand: gcloud run jobs execute acme-prod-hubspot-contacts --region REGION --project PROJECT
module "hubspot_contacts" {
  source = "../../modules/gcp_cloud_run_job"

  project_id            = var.project_id
  region                = var.region
  name                  = "acme-prod-hubspot-contacts"
  description           = "Loads HubSpot's contacts of acme"
  service_account_id    = var.service_account_email == null ? "acme-prod-hubspot-contacts" : null
  service_account_email = var.service_account_email
  bucket_name           = "acme-prod-hubspot-contacts-${var.project_id}"
  invokers              = local.invokers

  image           = var.image_uri
  cpu             = "1"
  memory          = "2Gi"
  timeout_seconds = 3600

  # 365 days of `compliance.retention_days`, and `compliance.security.encryption_required`.
  log_retention_days  = 365
  encryption_required = true

  labels = {
    tenant_id                 = "acme"
    environment               = "prod"
    asset_name                = "hubspot_contacts"
    finops_cost_center        = "eng-001"
    finops_business_tags      = "sales-crm"
    compliance_classification = "pii"
    governance_owner          = "data-team-acme-com"
  }
}

# Started by Cloud Scheduler every day at 2 o'clock.
module "stripe_customers" {
  source = "../../modules/gcp_cloud_run_job"

  project_id            = var.project_id
  region                = var.region
  name                  = "acme-prod-stripe-customers"
  description           = "Loads Stripe's customers of acme"
  service_account_id    = var.service_account_email == null ? "acme-prod-stripe-customers" : null
  service_account_email = var.service_account_email
  bucket_name           = "acme-prod-stripe-customers-${var.project_id}"
  invokers              = local.invokers

  image           = var.image_uri
  cpu             = "2"
  memory          = "4Gi"
  timeout_seconds = 7200

  schedule             = "0 2 * * *"
  timezone             = "UTC"
  scheduler_account_id = "acme-prod-stripe-cron"

  labels = {
    tenant_id          = "acme"
    environment        = "prod"
    asset_name         = "stripe_customers"
    finops_cost_center = "fin-001"
  }
}
