locals {
  queues = var.notifications == null ? 0 : 1

  # Written out, not read from the queue: as an argument of the queue itself its policy costs no second
  # propagation wait (25 seconds per resource that sets queue attributes).
  queue_arn = var.notifications == null ? null : join(":", [
    "arn", data.aws_partition.current.partition, "sqs", data.aws_region.current.name, var.account_id,
    var.notifications.queue_name,
  ])

  only_over_tls = {
    Sid       = "OnlyOverTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sqs:*"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_sqs_queue" "events" {
  count = local.queues

  name                       = var.notifications.queue_name
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = var.notifications.retention_seconds
  visibility_timeout_seconds = var.notifications.visibility_timeout_seconds
  receive_wait_time_seconds  = 0
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[0].arn
    maxReceiveCount     = var.notifications.max_receive_count
  })

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EventsOfTheBucket"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = aws_s3_bucket.this.arn }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
      },
      merge(local.only_over_tls, { Resource = local.queue_arn }),
    ]
  })
}

resource "aws_sqs_queue" "dead_letter" {
  count = local.queues

  name                      = "${var.notifications.queue_name}-dead"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
  tags                      = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arn]
  })

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.only_over_tls, { Resource = "${local.queue_arn}-dead" })]
  })
}
