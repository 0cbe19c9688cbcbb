# What dbt-athena and dlt's Athena destination call: queries and their results, one work group's.
locals {
  work_groups = local.broad ? ["*"] : compact([coalesce(var.warehouse.work_group, "primary"), var.warehouse.spark_work_group])

  # A session of Athena for Spark belongs to its work group.
  spark_work_groups = local.broad ? ["*"] : compact([var.warehouse.spark_work_group])

  athena = concat(
    [
      {
        Sid    = "RunQueries"
        Effect = "Allow"
        Action = [
          "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetQueryResultsStream", "athena:GetWorkGroup",
          "athena:StartQueryExecution", "athena:StopQueryExecution",
        ]
        Resource = [for name in local.work_groups : "${local.arn.athena}:workgroup/${name}"]
      },
      {
        Sid    = "ReadDataCatalog"
        Effect = "Allow"
        Action = [
          "athena:GetDatabase", "athena:GetDataCatalog", "athena:GetTableMetadata", "athena:ListDatabases",
          "athena:ListTableMetadata",
        ]
        Resource = [for name in local.broad ? ["*"] : ["AwsDataCatalog", "awsdatacatalog"] : "${local.arn.athena}:datacatalog/${name}"]
      },
    ],
    [
      for names in length(local.spark_work_groups) == 0 ? [] : [local.spark_work_groups] : {
        Sid    = "RunPythonModels"
        Effect = "Allow"
        Action = [
          "athena:GetCalculationExecution", "athena:GetCalculationExecutionStatus", "athena:GetSession",
          "athena:GetSessionStatus", "athena:ListSessions", "athena:StartCalculationExecution", "athena:StartSession",
          "athena:StopCalculationExecution", "athena:TerminateSession",
        ]
        Resource = [for name in names : "${local.arn.athena}:workgroup/${name}"]
      }
    ],
  )
}
