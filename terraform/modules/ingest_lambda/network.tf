# Nothing calls a function by its address; it calls AWS, sources and the warehouse.
resource "aws_security_group" "this" {
  count = var.vpc_config == null ? 0 : 1

  name        = var.name
  description = "Function ${var.name}: no way in"
  vpc_id      = var.vpc_config.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each = toset(var.vpc_config == null ? [] : var.egress_cidrs)

  security_group_id = aws_security_group.this[0].id
  description       = "To ${each.value}"
  ip_protocol       = "-1"
  cidr_ipv4         = each.value
  tags              = var.tags
}

locals {
  # Lambda makes the interfaces with the function's role. The code has no use for these actions:
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html ("Required IAM permissions")
  interface_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]

  network_statements = concat(
    [
      for _ in var.vpc_config[*] : {
        Sid      = "LambdaMakesInterfaces"
        Effect   = "Allow"
        Action   = local.interface_actions
        Resource = ["*"]
      }
    ],
    [
      for _ in var.vpc_config[*] : {
        Sid       = "TheCodeMakesNone"
        Effect    = "Deny"
        Action    = local.interface_actions
        Resource  = ["*"]
        Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.arn } }
      }
    ],
  )
}
