output "name" {
  description = "Name of the project."
  value       = aws_codebuild_project.this.name
}

output "arn" {
  description = "ARN of the project."
  value       = aws_codebuild_project.this.arn
}

output "role_name" {
  description = "Name of the project's role, to attach more to."
  value       = aws_iam_role.this.name
}

output "role_arn" {
  description = "ARN of the project's role."
  value       = aws_iam_role.this.arn
}

output "log_group" {
  description = "Log group of the builds; a stream is named after its build."
  value       = aws_cloudwatch_log_group.this.name
}
