locals {
  # arn:<partition>:codeconnections:<region>:<account>:connection/<id>
  arn = split(":", aws_codeconnections_connection.this.arn)

  console = lookup({
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }, local.arn[1], "console.aws.amazon.com")
}

output "arn" {
  description = "ARN of the connection."
  value       = aws_codeconnections_connection.this.arn
}

output "name" {
  description = "Name of the connection."
  value       = aws_codeconnections_connection.this.name
}

output "status" {
  description = "`PENDING` until somebody approves it, then `AVAILABLE`; `ERROR` when the provider has revoked it."
  value       = aws_codeconnections_connection.this.connection_status
}

output "console_url" {
  description = "Where to approve the connection; null once that is done."
  value = (
    aws_codeconnections_connection.this.connection_status != "PENDING" ? null :
    "https://${local.arn[3]}.${local.console}/codesuite/settings/${local.arn[4]}/${local.arn[3]}/codeconnections/connections/${split("/", local.arn[5])[1]}"
  )
}
