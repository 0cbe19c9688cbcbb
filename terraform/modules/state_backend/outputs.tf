output "bucket" {
  description = "Name of the state bucket."
  value       = aws_s3_bucket.state.id

  # Who reads this may write a state at once; the bucket must be private, encrypted and versioned by then.
  depends_on = [
    aws_s3_bucket_policy.state,
    aws_s3_bucket_versioning.state,
    aws_s3_bucket_server_side_encryption_configuration.state,
  ]
}

output "bucket_arn" {
  description = "ARN of the state bucket."
  value       = aws_s3_bucket.state.arn
}

output "region" {
  description = "Region of the state bucket."
  value       = aws_s3_bucket.state.region
}

output "lock_table" {
  description = "Name of the lock table; null when S3's own lock is the only one."
  value       = one(aws_dynamodb_table.lock[*].name)
}

output "lock_table_arn" {
  description = "ARN of the lock table; null when S3's own lock is the only one."
  value       = one(aws_dynamodb_table.lock[*].arn)
}
