# A chain whose middle takes its time or breaks, beside a unit that needs nothing.

variable "pause" {
  type    = number
  default = 0
}

variable "verdict" {
  type    = string
  default = "true"
}

module "quick" {
  source = "./step"
}

module "middle" {
  source = "./step"
  after  = module.quick.id
  run    = "sleep ${var.pause}; ${var.verdict}"
}

module "last" {
  source = "./step"
  after  = module.middle.id
}

module "beside" {
  source = "./step"
}

output "quick" {
  value = module.quick.id
}
