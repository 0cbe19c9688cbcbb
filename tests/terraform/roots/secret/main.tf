# A sensitive variable that reaches a resource and an output.

variable "password" {
  type      = string
  sensitive = true
}

variable "name" {
  type    = string
  default = "plain"
}

module "vault" {
  source   = "./vault"
  password = var.password
  name     = var.name
}

output "name" {
  value = module.vault.name
}

output "password" {
  value     = module.vault.password
  sensitive = true
}
