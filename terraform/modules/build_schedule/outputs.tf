output "name" {
  description = "Name of the schedule."
  value       = aws_scheduler_schedule.this.name
}

output "arn" {
  description = "ARN of the schedule."
  value       = aws_scheduler_schedule.this.arn
}

output "expression" {
  description = "The expression as EventBridge has it."
  value       = aws_scheduler_schedule.this.schedule_expression
}

output "role_arn" {
  description = "ARN of the role that starts builds."
  value       = aws_iam_role.this.arn
}
