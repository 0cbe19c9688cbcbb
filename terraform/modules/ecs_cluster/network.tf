# The network that tasks of the cluster run in: the given subnets, or those of the account's default VPC.
data "aws_vpc" "default" {
  count = length(var.subnet_ids) == 0 ? 1 : 0

  default = true
}

data "aws_subnets" "default" {
  count = length(var.subnet_ids) == 0 ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default[0].id]
  }
}

data "aws_subnet" "given" {
  count = length(var.subnet_ids) == 0 ? 0 : 1

  id = var.subnet_ids[0]
}
