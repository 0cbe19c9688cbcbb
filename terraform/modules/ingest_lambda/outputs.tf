output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name

  # A function that is called before its calls are never repeated could do its work twice.
  depends_on = [aws_lambda_function_event_invoke_config.this]
}

output "function_arn" {
  description = "ARN of the function."
  value       = local.arn

  # Made of the name, so that a plan knows it.
  depends_on = [aws_lambda_function_event_invoke_config.this]
}

output "role_arn" {
  description = "Role the function works with."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "Name of that role, to attach more to."
  value       = aws_iam_role.this.name
}

output "security_group_id" {
  description = "Security group of the function; null outside of a VPC."
  value       = one(aws_security_group.this[*].id)
}

output "log_group_name" {
  description = "Log group of the function."
  value       = aws_cloudwatch_log_group.this.name
}

output "dead_letter_queue_arn" {
  description = "Queue of asynchronous calls that failed; null without."
  value       = one(aws_sqs_queue.dead_letter[*].arn)
}

output "kms_key_arn" {
  description = "Key that logs and variables are encrypted with; null for keys that AWS owns."
  value       = local.kms_key_arn
}
