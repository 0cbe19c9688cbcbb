# Interactive sessions of dbt-glue. Their ids are made by dbt, so all of the account's sessions are meant.
locals {
  sessions = concat(
    [
      {
        Sid    = "RunSessions"
        Effect = "Allow"
        Action = [
          "glue:CancelStatement", "glue:CreateSession", "glue:DeleteSession", "glue:GetSession", "glue:GetStatement",
          "glue:ListStatements", "glue:RunStatement", "glue:StopSession",
        ]
        Resource = ["${local.arn.glue}:session/*"]
      },
    ],
    [
      # The one role that sessions run as; also `broad` passes on no other.
      for arn in var.warehouse.session_role_arn == null ? [] : [var.warehouse.session_role_arn] : {
        Sid       = "PassSessionRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [arn]
        Condition = { StringEquals = { "iam:PassedToService" = "glue.amazonaws.com" } }
      }
    ],
  )
}
