locals {
  create_public = length(var.public_subnets) > 0
  tables        = var.single_route_table ? 1 : length(var.private_subnets)
  vpc_id        = try(aws_vpc.this[0].id, "")
}

resource "aws_vpc" "this" {
  count = var.create ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  count = length(var.private_subnets)

  vpc_id            = local.vpc_id
  cidr_block        = var.private_subnets[count.index]
  availability_zone = element(var.azs, count.index)

  tags = merge(
    { Name = try(var.private_subnet_names[count.index], format("%s-private-%s", var.name, element(var.azs, count.index))) },
    lookup(var.private_subnet_tags_per_az, element(var.azs, count.index), {}),
  )
}

resource "aws_subnet" "database" {
  count = length(var.database_subnets)

  vpc_id     = local.vpc_id
  cidr_block = var.database_subnets[count.index]
}

resource "aws_route_table" "private" {
  count = local.tables

  vpc_id = local.vpc_id
}

resource "aws_route_table_association" "private" {
  count = length(var.private_subnets)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = element(aws_route_table.private[*].id, var.single_route_table ? 0 : count.index)
}

resource "aws_internet_gateway" "this" {
  count = local.create_public ? 1 : 0

  vpc_id = local.vpc_id
}

module "flow_log" {
  source = "./flow_log"
  count  = var.enable_flow_log ? 1 : 0

  name = "/vpc/${var.name}"
}
