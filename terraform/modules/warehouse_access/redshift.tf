# Temporary credentials of Redshift, for dbt's methods `iam` and `iam_role`. With a password nothing is needed.
locals {
  clusters = [
    for cluster in local.broad ? ["*"] : compact([var.warehouse.cluster]) : {
      name     = cluster
      database = local.broad ? "*" : var.warehouse.database
      users    = local.broad ? ["*"] : compact([var.warehouse.user])
    }
  ]

  serverless_workgroups = (
    local.broad ? ["arn:${var.partition}:redshift-serverless:${var.region}:${var.account_id}:workgroup/*"]
    : compact([var.warehouse.serverless_workgroup_arn])
  )

  redshift = concat(
    [
      for cluster in local.clusters : {
        Sid    = "LogInToCluster"
        Effect = "Allow"
        Action = ["redshift:GetClusterCredentials", "redshift:GetClusterCredentialsWithIAM"]
        Resource = concat(
          ["${local.arn.redshift}:dbname:${cluster.name}/${cluster.database}"],
          [for user in cluster.users : "${local.arn.redshift}:dbuser:${cluster.name}/${user}"],
        )
      }
    ],
    [
      for cluster in local.clusters : {
        Sid      = "FindCluster"
        Effect   = "Allow"
        Action   = ["redshift:DescribeClusters"]
        Resource = ["${local.arn.redshift}:cluster:${cluster.name}"]
      }
    ],
    [
      for arns in length(local.serverless_workgroups) == 0 ? [] : [local.serverless_workgroups] : {
        Sid      = "LogInToWorkgroup"
        Effect   = "Allow"
        Action   = ["redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup"]
        Resource = arns
      }
    ],
  )
}
