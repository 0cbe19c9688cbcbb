resource "terraform_data" "many" {
  for_each = toset(["first", "second"])
  input    = "many-${each.key == "first" ? 0 : 1}"
}

module "new" {
  source = "./part"
}

module "home" {
  source     = "./home"
  depends_on = [module.new]
}

moved {
  from = module.old
  to   = module.new
}

moved {
  from = terraform_data.loose
  to   = module.home.terraform_data.loose
}

moved {
  from = terraform_data.many[0]
  to   = terraform_data.many["first"]
}

moved {
  from = terraform_data.many[1]
  to   = terraform_data.many["second"]
}

import {
  to = module.home.terraform_data.imported
  id = "made-by-hand"
}

removed {
  from = terraform_data.forgotten

  lifecycle {
    destroy = false
  }
}
