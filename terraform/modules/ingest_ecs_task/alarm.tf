# Tasks of the family that failed, or never started. 143 is the end of one that was asked to stop.
resource "aws_cloudwatch_event_rule" "failed" {
  count = var.alarm_name == null ? 0 : 1

  name        = var.alarm_name
  description = "Failed tasks of ${var.name}"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      group      = ["family:${var.name}"]
      lastStatus = ["STOPPED"]
      "$or" = [
        { containers = { exitCode = [{ anything-but = [0, 143] }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
  })
}

# The rule has no target: CloudWatch counts how often it matches.
resource "aws_cloudwatch_metric_alarm" "failed" {
  count = var.alarm_name == null ? 0 : 1

  alarm_name          = var.alarm_name
  alarm_description   = "A task of ${var.name} failed"
  namespace           = "AWS/Events"
  metric_name         = "TriggeredRules"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.failed[0].name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = var.tags
}
