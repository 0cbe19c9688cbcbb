variable "text" {
  type = string
}

resource "terraform_data" "this" {
  input = var.text
}

output "id" {
  value = terraform_data.this.id
}
