# The shape of a "complete" example of a registry module: one big module with counted resources and a module inside
# it, smaller ones around it that take its outputs, one of them switched off, a security group between them.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = ">= 5.0"
      configuration_aliases = []
    }
  }
}

provider "aws" {
  region = local.region

  default_tags {
    tags = local.tags
  }
}

provider "aws" {
  alias  = "replica"
  region = "eu-central-1"
}

data "aws_availability_zones" "available" {
  state = "available"
}

data "aws_caller_identity" "current" {}

locals {
  name   = "ex-${basename(path.cwd)}"
  region = "eu-west-1"
  azs    = slice(data.aws_availability_zones.available.names, 0, var.zones)

  cidr = "10.42.0.0/16"
  tags = {
    Example    = local.name
    Repository = "example-org/complete"
  }
}

################################################################################
# Network
################################################################################

module "network" {
  source = "./modules/network"

  name = "${local.name}-${data.aws_caller_identity.current.account_id}"
  cidr = local.cidr
  azs  = local.azs

  private_subnets  = [for index, zone in local.azs : cidrsubnet(local.cidr, 8, index)]
  database_subnets = [for index, zone in local.azs : cidrsubnet(local.cidr, 8, index + 8)]

  # the public ones are left out, so nothing that hangs on them is made
  private_subnet_tags_per_az = { "${local.region}a" = { "zone/first" = "yes" } }
  single_route_table         = true

  enable_flow_log = true
}

################################################################################
# Endpoints
################################################################################

module "endpoints" {
  source = "./modules/endpoints"

  vpc_id = module.network.vpc_id
  endpoints = {
    s3 = {
      service         = "s3"
      type            = "Gateway"
      route_table_ids = flatten([module.network.private_route_table_ids, module.network.database_route_table_ids])
      policy          = data.aws_iam_policy_document.endpoint.json
    }
    unused = { create = false, service = "dynamodb", route_table_ids = [], policy = null }
  }
}

module "endpoints_off" {
  source = "./modules/endpoints"
  create = false
}

module "logs_of_endpoints" {
  source    = "./modules/endpoints"
  providers = { aws = aws.replica }

  create    = false
  vpc_id    = one(module.endpoints[*].vpc_id)
  endpoints = {}

  depends_on = [aws_security_group.database]
}

################################################################################
# Supporting resources
################################################################################

data "aws_iam_policy_document" "endpoint" {
  statement {
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:SourceVpc"
      values   = [module.network.vpc_id]
    }
  }
}

resource "aws_security_group" "database" {
  name_prefix = "${local.name}-db"
  vpc_id      = module.network.vpc_id

  dynamic "ingress" {
    for_each = toset(module.network.private_cidrs)
    iterator = range

    content {
      description = "PostgreSQL from ${range.value}"
      from_port   = 5432
      to_port     = 5432
      protocol    = "tcp"
      cidr_blocks = [range.value]
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
