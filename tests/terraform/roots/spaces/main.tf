variable "name" {
  default = "net"
}

variable "city" {
  default = "zürich"
}

resource "terraform_data" "this" {
  input = "${var.name}-${terraform.workspace}-${var.city}"
}

output "name" {
  value = terraform_data.this.output
}
