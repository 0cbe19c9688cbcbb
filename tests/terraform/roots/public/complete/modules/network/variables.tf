variable "create" {
  type    = bool
  default = true
}

variable "name" {
  type = string
}

variable "cidr" {
  type = string
}

variable "azs" {
  type = list(string)
}

variable "private_subnets" {
  type    = list(string)
  default = []
}

variable "private_subnet_names" {
  type    = list(string)
  default = []
}

variable "private_subnet_tags_per_az" {
  type    = map(map(string))
  default = {}
}

variable "public_subnets" {
  type    = list(string)
  default = []
}

variable "database_subnets" {
  type    = list(string)
  default = []
}

variable "single_route_table" {
  type    = bool
  default = false
}

variable "enable_flow_log" {
  type    = bool
  default = false
}
