locals {
  # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
  alarms = {
    errors    = { metric = "Errors", said = "failed" }
    throttles = { metric = "Throttles", said = "found no room to run" }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.alarm_name == null ? {} : local.alarms

  alarm_name          = "${var.alarm_name}-${each.key}"
  alarm_description   = "${var.name} ${each.value.said}"
  namespace           = "AWS/Lambda"
  metric_name         = each.value.metric
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
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
