locals {
  engines = {
    athena     = concat(local.athena, local.catalog, local.storage, local.keys)
    bigquery   = []
    databricks = []
    duckdb     = concat(local.storage, local.keys)
    glue       = concat(local.sessions, local.catalog, local.storage, local.keys)
    postgres   = []
    redshift   = local.redshift
    snowflake  = []
  }
}

output "statements" {
  description = "The statements of an IAM policy that allow what the engine needs of AWS; none for engines outside of AWS."
  value       = [for statement in local.engines[var.warehouse.engine] : statement if var.warehouse.iam != "custom"]
}
