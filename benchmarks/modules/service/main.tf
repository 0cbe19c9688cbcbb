# What a small service needs besides its code: three resources that the emulator makes fast.

variable "name" {
  type = string
}

variable "retention" {
  type    = number
  default = 14
}

resource "aws_iam_role" "task" {
  name = "${var.name}-task"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/service/${var.name}"
  retention_in_days = var.retention
}

resource "aws_ssm_parameter" "version" {
  name  = "/service/${var.name}/version"
  type  = "String"
  value = "1"
}

output "role_arn" {
  value = aws_iam_role.task.arn
}

output "log_group" {
  value = aws_cloudwatch_log_group.this.name
}

output "parameter" {
  value = aws_ssm_parameter.version.name
}
