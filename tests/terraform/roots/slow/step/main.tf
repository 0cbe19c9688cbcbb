variable "after" {
  type    = string
  default = ""
}

variable "run" {
  type    = string
  default = "true"
}

resource "terraform_data" "this" {
  input = var.after
}

resource "terraform_data" "run" {
  input = terraform_data.this.id

  provisioner "local-exec" {
    command = var.run
  }
}

output "id" {
  value = terraform_data.run.id
}
