# Root resources on both sides of a module: as one unit they would make a loop, so the stack is one asset.

resource "terraform_data" "before" {
  input = "before"
}

module "part" {
  source = "./part"
  text   = terraform_data.before.id
}

resource "terraform_data" "after" {
  input = module.part.id
}

output "after" {
  value = terraform_data.after.id
}
