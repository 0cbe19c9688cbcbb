# The Glue data catalog, where Athena and Glue keep databases and tables. An action on a table needs its database and
# the catalog too: AWS Glue developer guide, "Specifying AWS Glue resource ARNs".
locals {
  databases = local.broad ? ["*"] : var.warehouse.databases

  catalog = concat(
    [
      {
        Sid    = "FindDatabases"
        Effect = "Allow"
        # Athena looks at `default` before every query, whatever the query is about.
        Action   = ["glue:GetDatabase", "glue:GetDatabases"]
        Resource = concat(["${local.arn.glue}:catalog"], [for name in ["default", "*"] : "${local.arn.glue}:database/${name}"])
      },
    ],
    [
      for names in length(local.databases) == 0 ? [] : [local.databases] : {
        Sid    = "ChangeTables"
        Effect = "Allow"
        Action = [
          "glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchDeleteTable",
          "glue:BatchDeleteTableVersion", "glue:BatchGetPartition", "glue:CreateDatabase", "glue:CreatePartition",
          "glue:CreateTable", "glue:DeleteDatabase", "glue:DeletePartition", "glue:DeleteTable",
          "glue:DeleteTableVersion", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables",
          "glue:GetTableVersion", "glue:GetTableVersions", "glue:UpdatePartition", "glue:UpdateTable",
        ]
        Resource = concat(
          ["${local.arn.glue}:catalog"],
          flatten([for name in names : ["${local.arn.glue}:database/${name}", "${local.arn.glue}:table/${name}/*"]]),
          [for name in names : "${local.arn.glue}:userDefinedFunction/${name}/*"],
        )
      }
    ],
    [
      # Lake Formation hands out access to data that is registered with it; it has no narrower resource.
      for enabled in var.warehouse.lake_formation ? [true] : [] : {
        Sid      = "ReadGovernedData"
        Effect   = "Allow"
        Action   = ["lakeformation:GetDataAccess"]
        Resource = ["*"]
      }
    ],
  )
}
