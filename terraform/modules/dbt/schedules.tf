module "schedule" {
  source   = "../build_schedule"
  for_each = { for name, project in local.projects : name => project if can(project.schedule) }

  name                     = length("${local.names[each.key]}-start") <= 64 ? "${local.names[each.key]}-start" : "start-${substr(sha256(each.key), 0, 6)}-${trimsuffix(substr(local.names[each.key], 0, 50), "-")}"
  account_id               = local.account
  project_arn              = module.project[each.key].arn
  expression               = each.value.schedule
  timezone                 = try(each.value.timezone, "UTC")
  enabled                  = var.schedules_enabled
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = var.tags
}
