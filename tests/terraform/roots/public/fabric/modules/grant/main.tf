variable "name" {
  type = string
}

variable "prefix" {
  type = string
}

variable "store" {
  type = string
}

variable "role" {
  type = string
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject", "s3:List*"]
    resources = [var.store, "${var.store}/*"]
  }
}

resource "aws_iam_policy" "this" {
  name   = "${var.prefix}-${var.name}"
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_iam_role_policy_attachment" "this" {
  role       = var.role
  policy_arn = aws_iam_policy.this.arn
}
