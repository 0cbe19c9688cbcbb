# One bucket, known by its name.

variable "name" {
  type = string
}

variable "tags" {
  type = map(string)
}

resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = true
  tags          = var.tags
}

output "bucket" {
  value = aws_s3_bucket.this.bucket
}
