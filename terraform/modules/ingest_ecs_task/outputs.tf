output "task_definition_arn" {
  description = "ARN of the newest revision."
  value       = aws_ecs_task_definition.this.arn

  # A task that starts before its roles have their permissions fails.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

output "family_arn" {
  description = "ARN of the family, which stands for its newest revision."
  value       = "arn:${local.partition}:ecs:${local.region}:${var.account_id}:task-definition/${var.name}"

  depends_on = [aws_ecs_task_definition.this, aws_iam_role_policy.execution, aws_iam_role_policy.task]
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

output "log_group_name" {
  description = "Log group of the tasks."
  value       = aws_cloudwatch_log_group.this.name
}

output "log_stream_prefix" {
  description = "A task's log stream is `<prefix>/<container>/<task id>`."
  value       = var.log_stream_prefix
}

output "execution_role_arn" {
  description = "Role ECS starts the tasks with; who calls RunTask must be allowed to pass it."
  value       = "arn:${local.partition}:iam::${var.account_id}:role/${var.execution_role_name}"

  # Made of the name, so that a plan knows it.
  depends_on = [aws_iam_role_policy.execution]
}

output "task_role_arn" {
  description = "Role the job works with; who calls RunTask must be allowed to pass it."
  value       = "arn:${local.partition}:iam::${var.account_id}:role/${var.task_role_name}"

  depends_on = [aws_iam_role.task, aws_iam_role_policy.task]
}

output "task_role_name" {
  description = "Name of the role the job works with, to attach more to."
  value       = aws_iam_role.task.name
}
