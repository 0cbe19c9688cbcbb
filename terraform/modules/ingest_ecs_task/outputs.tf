output "task_definition_arn" {
  description = "ARN of the newest revision."
  value       = aws_ecs_task_definition.this.arn

  # A task that starts before its roles have their permissions fails.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

output "family" {
  description = "Family of the task definition."
  value       = aws_ecs_task_definition.this.family
}

output "container_name" {
  description = "Name of the container, for overrides."
  value       = var.container_name
}

output "security_group_id" {
  description = "Security group for the tasks' network configuration."
  value       = aws_security_group.this.id
}

output "log_group" {
  description = "Log group of the tasks."
  value       = aws_cloudwatch_log_group.this.name
}

output "log_stream_prefix" {
  description = "A task's log stream is `<prefix>/<container>/<task id>`."
  value       = var.log_stream_prefix
}

output "execution_role_arn" {
  description = "Role ECS starts the tasks with; who calls RunTask must be allowed to pass it."
  value       = aws_iam_role.execution.arn
}

output "task_role_arn" {
  description = "Role the job works with; who calls RunTask must be allowed to pass it."
  value       = aws_iam_role.task.arn
}

output "task_role_name" {
  description = "Name of the role the job works with, to attach more to."
  value       = aws_iam_role.task.name
}
