# A bucket with a name, a policy-free role beside it, and a pause between the two: small, real, and slow when asked.

variable "name" {
  type = string
}

variable "pause" {
  type    = number
  default = 0
}

variable "labels" {
  type    = map(string)
  default = {}
}

variable "secret" {
  type      = string
  default   = "none"
  sensitive = true
}

resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = true
  tags          = var.labels
}

resource "terraform_data" "pause" {
  input = aws_s3_bucket.this.id

  provisioner "local-exec" {
    command = "sleep ${var.pause}"
  }
}

resource "aws_iam_role" "this" {
  name = "${var.name}-role"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })

  depends_on = [terraform_data.pause]
}

output "bucket" {
  value = aws_s3_bucket.this.bucket
}

output "arn" {
  value = aws_s3_bucket.this.arn
}

output "secret" {
  value     = var.secret
  sensitive = true
}
