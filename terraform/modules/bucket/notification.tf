resource "aws_s3_bucket_notification" "this" {
  count = local.queues

  bucket = aws_s3_bucket.this.id

  queue {
    id            = "events"
    queue_arn     = aws_sqs_queue.events[0].arn
    events        = var.notifications.events
    filter_prefix = var.notifications.prefix
    filter_suffix = var.notifications.suffix
  }
}
