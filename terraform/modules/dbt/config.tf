# The file as it is written becomes entries with one spelling of their keys; whatever is wrong with it is told at once,
# and no entry is ever left out for it.
locals {
  # Generated from the platform's own model of the file: python -m buildkit_dagster.config.schema
  keys = jsondecode(file("${path.module}/keys.json"))

  document = try(yamldecode(file(var.config_file)), {})
  sections = [for key in ["codebuild", "dbtbuildkit"] : local.document[key] if can(local.document[key])]

  # A list, or one entry alone. A conditional would have to unify the two.
  written = concat(
    [for section in local.sections : section if can(keys(section))],
    flatten([for section in local.sections : section if !can(keys(section))]),
  )
  entries = [
    for entry in local.written :
    { for key, value in try(merge(entry), {}) : replace(key, "-", "_") => value }
  ]
  labels = [for place, entry in local.entries : "entry ${place + 1} (${try(entry.name, "without a name")})"]

  missing = [for entry in local.entries : sort(tolist(setsubtract(local.keys.required, keys(entry))))]
  unknown = [for entry in local.entries : sort(tolist(setsubtract(keys(entry), local.keys.known)))]
  # HCL drops in silence what a type does not name, the condition of a statement too.
  below = [
    for entry in local.entries : {
      for key, known in local.keys.below : key => distinct(flatten([
        for part in flatten([try(entry[key], [])]) : setsubtract(try(keys(part), []), known)
      ]))
    }
  ]
  given = [for entry in local.entries : try(tostring(entry.name), "")]

  problems = concat(
    length(local.sections) == 1 ? [] : ["it must have one key, codebuild or dbtbuildkit"],
    [for place, found in local.missing : "${local.labels[place]} lacks ${join(", ", found)}" if length(found) > 0],
    [
      for place, found in local.unknown :
      "${local.labels[place]} has unknown ${join(", ", found)}; known are ${join(", ", sort(local.keys.known))}"
      if length(found) > 0
    ],
    flatten([
      for place, parts in local.below : [
        for key, found in parts :
        "${local.labels[place]} has unknown ${join(", ", [for name in found : "${key}.${name}"])}; known are ${join(", ", local.keys.below[key])}"
        if length(found) > 0
      ]
    ]),
    [
      for name in distinct(local.given) : "the name ${name} is given more than once"
      if length([for other in local.given : other if other == name]) > 1
    ],
    [
      for place, entry in local.entries : "${local.labels[place]}: there is no connection for ${local.owners[place]} in connection_arns"
      if length(local.missing[place]) == 0 && try(entry.active, false) && !can(entry.connection) && !can(entry.deploy_key)
      && !contains(keys(var.connection_arns), local.owners[place])
    ],
  )

  # Organizations are matched as a whole, never by a part of a name.
  owners = [
    for entry in local.entries :
    try(entry.provider, "github") == "github" ? try(entry.org, "") : "${entry.provider}/${try(entry.org, "")}"
  ]

  projects = {
    for place, entry in local.entries : entry.name => merge(entry, { owner = local.owners[place] })
    if length(local.problems) == 0 && try(entry.active, false)
  }
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

data "aws_partition" "current" {
  lifecycle {
    precondition {
      condition     = length(local.problems) == 0
      error_message = "${var.config_file}: ${join("; ", local.problems)}."
    }
  }
}
