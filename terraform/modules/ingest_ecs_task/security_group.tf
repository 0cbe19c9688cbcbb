# Nothing calls a task; a task calls AWS, sources and the warehouse.
resource "aws_security_group" "this" {
  name        = var.name
  description = "Tasks of ${var.name}: no way in"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each = toset(var.egress_cidrs)

  security_group_id = aws_security_group.this.id
  description       = "To ${each.value}"
  ip_protocol       = "-1"
  cidr_ipv4         = each.value
  tags              = var.tags
}
