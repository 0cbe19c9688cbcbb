output "key_arn" {
  description = "ARN of the key approvals are signed with."
  value       = aws_kms_key.approval.arn
}

output "alias" {
  description = "Name of the key, with `alias/`."
  value       = aws_kms_alias.approval.name
}

output "role_arn" {
  description = "Role of the approvers."
  value       = aws_iam_role.approver.arn
}
