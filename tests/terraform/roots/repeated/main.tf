# A counted module and one with for_each: each is one unit, with all its instances.

variable "names" {
  type    = set(string)
  default = ["a", "b"]
}

module "counted" {
  source = "./one"
  count  = 2
  text   = "number ${count.index}"
}

module "each" {
  source   = "./one"
  for_each = var.names
  text     = "${each.key} ${module.counted[0].id}"
}

output "ids" {
  value = { for key, one in module.each : key => one.id }
}
