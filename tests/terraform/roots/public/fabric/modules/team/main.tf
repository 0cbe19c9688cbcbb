variable "prefix" {
  type = string
}

variable "description" {
  type = string
}

variable "stores" {
  type = map(object({
    versioned = optional(bool, false)
    rules     = optional(list(object({ prefix = string, days = number })), [])
  }))
  nullable = false
}

variable "context" {
  type    = object({ team_names = optional(list(string), []) })
  default = {}
}

resource "aws_iam_role" "this" {
  name        = var.prefix
  description = replace(var.description, "/[^[:ascii:]]/", "?")

  assume_role_policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "sts:AssumeRole",
          "Principal": { "Service": "ec2.amazonaws.com" }
        }
      ]
    }
  EOT
}

module "stores" {
  source   = "./store"
  for_each = var.stores

  name      = "${var.prefix}-${each.key}"
  versioned = each.value.versioned
  rules     = each.value.rules
}

output "role" {
  value = aws_iam_role.this.name
}

output "stores" {
  value = module.stores
}
