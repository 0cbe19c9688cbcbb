variable "name" {
  type = string
}

variable "versioned" {
  type = bool
}

variable "rules" {
  type = list(object({ prefix = string, days = number }))
}

resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = true

  dynamic "lifecycle_rule" {
    for_each = var.rules

    content {
      id      = "rule-${lifecycle_rule.key}"
      prefix  = lifecycle_rule.value.prefix
      enabled = true

      expiration {
        days = lifecycle_rule.value.days
      }
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  count  = var.versioned ? 1 : 0
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

output "arn" {
  value = aws_s3_bucket.this.arn
}
