locals {
  written = trim(var.expression, "' ")
  target  = var.task == null ? one(var.function[*].arn) : one(var.task[*].cluster_arn)
}

resource "aws_scheduler_schedule" "this" {
  name                         = var.name
  description                  = "Starts a job"
  schedule_expression          = can(regex("^(cron|rate)\\(", local.written)) ? local.written : "cron(${local.written})"
  schedule_expression_timezone = var.timezone
  state                        = var.enabled ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.target
    role_arn = aws_iam_role.this.arn
    input    = one(var.function[*].event)

    dynamic "ecs_parameters" {
      for_each = var.task[*]

      content {
        task_definition_arn = ecs_parameters.value.task_definition_arn
        task_count          = 1
        launch_type         = "FARGATE"
        propagate_tags      = "TASK_DEFINITION"

        network_configuration {
          subnets          = ecs_parameters.value.subnet_ids
          security_groups  = ecs_parameters.value.security_group_ids
          assign_public_ip = ecs_parameters.value.assign_public_ip
        }
      }
    }

    dynamic "dead_letter_config" {
      for_each = aws_sqs_queue.dead_letter

      content {
        arn = dead_letter_config.value.arn
      }
    }

    # A start that waits for an hour is of no use to the next one.
    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 3
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
