variable "password" {
  type      = string
  sensitive = true
}

variable "name" {
  type = string
}

resource "terraform_data" "this" {
  input = {
    name     = var.name
    password = var.password
  }
}

output "name" {
  value = var.name
}

output "password" {
  value     = var.password
  sensitive = true
}
