# What roles made by the apply role can ever do. Without it, who may make a role may make an administrator.
resource "aws_iam_policy" "workload_boundary" {
  count = var.workload_boundary == null ? 0 : 1

  name        = var.workload_boundary.name
  description = "Bounds the roles that ${var.apply_role_name} makes"
  policy      = var.workload_boundary.policy
  tags        = var.tags
}
