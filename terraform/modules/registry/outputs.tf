output "repository_url" {
  description = "Address for push and pull, without a tag."
  value       = module.repository.url
}

output "repository_name" {
  description = "Name of the repository."
  value       = module.repository.name
}

output "repository_arn" {
  description = "ARN of the repository."
  value       = module.repository.arn
}

output "connection_arns" {
  description = "ARN of each organization's connection, made here or existing, for the module `dbt`."
  value       = merge({ for owner, one in module.connection : owner => one.arn }, var.existing_connections)
}

output "connections" {
  description = "Name, id (the last part of the ARN), status and, while somebody has to approve it, console address of each connection made here."
  value = {
    for owner, one in module.connection : owner => {
      name        = one.name
      id          = split("/", one.arn)[1]
      status      = one.status
      console_url = one.console_url
    }
  }
}
