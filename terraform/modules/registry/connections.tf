locals {
  made = toset([for owner in var.organizations : owner if !contains(keys(var.existing_connections), owner)])

  # CodeConnections takes 32 characters; a longer name ends in a hash of the whole, so two never become the same.
  wanted = { for owner in local.made : owner => "${var.name}-${var.environment}-${replace(owner, "/", "-")}" }
  names = {
    for owner, name in local.wanted :
    owner => length(name) <= 32 ? name : "${trimsuffix(substr(name, 0, 25), "-")}-${substr(sha256(name), 0, 6)}"
  }

  provider_types = { gitlab = "GitLab", bitbucket = "Bitbucket" }
}

module "connection" {
  source   = "../source_connection"
  for_each = local.made

  name          = local.names[each.key]
  provider_type = lookup(local.provider_types, split("/", each.key)[0], "GitHub")
  tags          = var.tags
}
