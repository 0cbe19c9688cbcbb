# The shape of a landing zone: everything is data in YAML files, locals turn it into maps, and modules of modules are
# called with for_each over them.

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "prefix" {
  type = string
}

locals {
  _files = fileset("${path.module}/data/teams", "*.yaml")

  _teams = {
    for file in local._files :
    trimsuffix(basename(file), ".yaml") => yamldecode(file("${path.module}/data/teams/${file}"))
  }

  teams = {
    for name, team in local._teams : name => merge(
      { stores = {}, readers = [], description = null },
      team,
    ) if try(team.enabled, true)
  }

  # one entry for each pair of store and reader
  grants = merge([
    for name, team in local.teams : {
      for pair in setproduct(keys(team.stores), team.readers) :
      "${name}/${pair[0]}/${pair[1]}" => {
        store  = module.team[name].stores[pair[0]].arn
        reader = pair[1]
      }
    }
  ]...)

  log_groups = toset(flatten([
    for name, team in local.teams : [
      for kind in try(team.logs, []) : "/teams/${name}/${kind}"
    ]
  ]))
}

module "team" {
  source   = "./modules/team"
  for_each = local.teams

  prefix      = "${var.prefix}-${each.key}"
  description = coalesce(each.value.description, "Team ${each.key}")
  stores      = each.value.stores
  context = {
    team_names = keys(local.teams)
  }
}

module "grant" {
  source   = "./modules/grant"
  for_each = local.grants

  name   = replace(each.key, "/", "-")
  prefix = var.prefix
  store  = each.value.store
  role   = module.team[each.value.reader].role
}

module "logs" {
  source   = "./modules/logs"
  for_each = local.log_groups

  name = each.value
}

output "roles" {
  value = { for name, team in module.team : name => team.role }
}
