output "provider_arn" {
  description = "ARN of the account's OIDC provider for GitHub."
  value       = local.provider_arn
}

output "plan_role_arn" {
  description = "Role for plan workflows."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arn" {
  description = "Role for apply workflows."
  value       = aws_iam_role.apply.arn
}

output "plan_subjects" {
  description = "Token subjects that may take on the plan role."
  value       = local.plan_subjects
}

output "apply_subjects" {
  description = "Token subjects that may take on the apply role."
  value       = local.apply_subjects
}

output "workload_boundary_arn" {
  description = "ARN of the boundary for roles the apply role makes; null without one."
  value       = one(aws_iam_policy.workload_boundary[*].arn)
}
