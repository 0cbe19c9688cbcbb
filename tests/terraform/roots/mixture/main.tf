# Modules and root resources; edges run through a local, a data source, depends_on and a root resource.

locals {
  first_id = module.first.id
  label    = "${local.first_id}-label"
}

module "first" {
  source = "./pair"
  text   = var.text
}

module "through_local" {
  source = "./pair"
  text   = local.label
}

module "through_depends_on" {
  source     = "./pair"
  text       = "module.through_local.id is text here, and $${module.first.id} is escaped"
  depends_on = [module.first]
}

resource "terraform_data" "own" {
  input = { for key, value in { a = module.first.id } : key => value }
}

data "terraform_remote_state" "none" {
  count   = 0
  backend = "local"

  config = {
    path = module.through_local.id
  }
}

module "through_root" {
  source = "./pair"
  text   = terraform_data.own.id
}

module "through_data" {
  source = "./pair"
  text   = join("-", data.terraform_remote_state.none[*].backend)
}

module "alone" {
  source = "./pair"
  text   = "alone"
}

variable "text" {
  type    = string
  default = "hello"
}

output "first" {
  value = module.first.id
}

output "own" {
  value = terraform_data.own.id
}
