variable "text" {
  type = string
}

resource "terraform_data" "one" {
  input = var.text
}

resource "terraform_data" "two" {
  input = terraform_data.one.id
}

output "id" {
  value = terraform_data.two.id
}
