# A role, known by its name, and after it a key, whose id AWS invents: a second creation would make a second key.

variable "name" {
  type = string
}

variable "tags" {
  type = map(string)
}

resource "aws_iam_role" "this" {
  name = var.name
  tags = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

resource "aws_kms_key" "this" {
  description = aws_iam_role.this.name
  tags        = var.tags
}

output "role" {
  value = aws_iam_role.this.arn
}
