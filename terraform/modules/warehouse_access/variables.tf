variable "partition" {
  description = "AWS partition of the account, as ARNs name it: `aws`, `aws-us-gov`, `aws-cn`."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region the warehouse is in."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "Account the warehouse is in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the account's 12 digits."
  }
}

variable "warehouse" {
  description = <<-EOT
    The warehouse and what of it is used. `iam` says how much its engine may do: `minimal` on what is named here, `broad`
    the same actions on all of its kind in account and region, `custom` nothing. `locations` are what is read and written
    as `s3://BUCKET/PREFIX`, `read_locations` what is only read; `databases` are Glue databases, `*` at their end allowed.
    Redshift with IAM credentials has `cluster` and `database`, `user` too where it is not the role itself that logs in, or
    `serverless_workgroup_arn`; Glue sessions run as `session_role_arn`. What is reached with a password in a secret needs none of it.
  EOT
  type = object({
    engine                   = string
    iam                      = optional(string, "minimal")
    locations                = optional(list(string), [])
    read_locations           = optional(list(string), [])
    databases                = optional(list(string), [])
    work_group               = optional(string)
    spark_work_group         = optional(string)
    lake_formation           = optional(bool, false)
    cluster                  = optional(string)
    database                 = optional(string)
    user                     = optional(string)
    serverless_workgroup_arn = optional(string)
    session_role_arn         = optional(string)
    kms_key_arns             = optional(list(string), [])
  })
  nullable = false

  validation {
    condition = contains(
      ["athena", "bigquery", "databricks", "duckdb", "glue", "postgres", "redshift", "snowflake"],
      var.warehouse.engine,
    )
    error_message = "The engine is athena, bigquery, databricks, duckdb, glue, postgres, redshift or snowflake."
  }

  validation {
    condition     = contains(["minimal", "broad", "custom"], var.warehouse.iam)
    error_message = "iam is minimal, broad or custom."
  }

  validation {
    condition = alltrue([
      for url in concat(var.warehouse.locations, var.warehouse.read_locations) :
      can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?]*)?$", url))
    ])
    error_message = "A location is s3://BUCKET or s3://BUCKET/PREFIX, without wildcards; everything below it is meant anyway."
  }

  validation {
    condition     = alltrue([for name in var.warehouse.databases : can(regex("^[^*?/]+[*]?$", name))])
    error_message = "A database is a name, or its beginning with * behind it; all of them are `iam = \"broad\"`."
  }

  validation {
    condition     = var.warehouse.cluster == null || var.warehouse.database != null
    error_message = "IAM credentials for a Redshift cluster are for one database: give it with cluster."
  }
}
