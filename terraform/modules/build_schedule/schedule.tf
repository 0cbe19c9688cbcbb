locals {
  written = trim(var.expression, "' ")
}

resource "aws_scheduler_schedule" "this" {
  name                         = var.name
  description                  = "Starts builds"
  schedule_expression          = can(regex("^(cron|rate)\\(", local.written)) ? local.written : "cron(${local.written})"
  schedule_expression_timezone = var.timezone
  state                        = var.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.project_arn
    role_arn = aws_iam_role.this.arn

    # A build an hour late is of no use to the next one.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 3
    }
  }
}
