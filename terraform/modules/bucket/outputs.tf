output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id

  # Who reads this may write at once; the bucket must be private and encrypted by then.
  depends_on = [
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_notification.this,
  ]
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "queue_url" {
  description = "URL of the queue that receives the object events; null without notifications."
  value       = one(aws_sqs_queue.events[*].url)
}

output "queue_arn" {
  description = "ARN of that queue; null without notifications."
  value       = one(aws_sqs_queue.events[*].arn)
}

output "dead_letter_queue_url" {
  description = "URL of the queue for events that could not be handled; null without notifications."
  value       = one(aws_sqs_queue.dead_letter[*].url)
}
