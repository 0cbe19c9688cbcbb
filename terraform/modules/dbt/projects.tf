locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  registry  = "${local.account}.dkr.ecr.${data.aws_region.current.name}.${data.aws_partition.current.dns_suffix}"

  # A name that is too long is cut and ends in a hash of the whole, so two never become the same.
  full_names = { for name in keys(local.projects) : name => "${var.name}-${var.environment}-dbt-${replace(name, "_", "-")}" }
  names = {
    for name, full in local.full_names :
    name => length(full) <= 64 ? full : "${trimsuffix(substr(full, 0, 57), "-")}-${substr(sha256(full), 0, 6)}"
  }

  images = {
    for name, project in local.projects : name => (
      can(project.ecr_repository)
      ? "${local.registry}/${project.ecr_repository}:${try(project.ecr_image_tag, var.image_tag)}" : var.image
    )
  }
  # An image of ECR tells whose repository it is in.
  repositories = {
    for name, image in local.images :
    name => try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/(?P<name>[^:@]+)", image), null)
  }

  hosts = { github = "github.com", gitlab = "gitlab.com", bitbucket = "bitbucket.org" }

  # `- NAME: ARN` in a list, or one mapping.
  secrets = {
    for name, project in local.projects : name => merge(concat(
      [for given in [try(project.secrets_manager_variables, {})] : given if can(keys(given))],
      flatten([for given in [try(project.secrets_manager_variables, {})] : given if !can(keys(given))]),
    )...)
  }

  buckets = { for name, project in local.projects : name => try(project.s3_artifacts_bucket, var.artifacts_bucket) }
}

module "project" {
  source   = "../codebuild_project"
  for_each = local.projects

  name        = local.names[each.key]
  description = "Builds the dbt project ${each.key}"
  account_id  = local.account
  role_name   = local.names[each.key]

  image = local.images[each.key]
  repository_arn = try(
    "arn:${local.partition}:ecr:${local.repositories[each.key].region}:${local.repositories[each.key].account}:repository/${local.repositories[each.key].name}",
    null,
  )
  compute_type           = try(each.value.compute_type, "BUILD_GENERAL1_SMALL")
  build_timeout          = try(each.value.timeout, 60)
  queued_timeout         = try(each.value.queued_timeout, 30)
  concurrent_build_limit = try(each.value.concurrency, null)

  source_location = {
    type = can(each.value.deploy_key) ? "NO_SOURCE" : upper(try(each.value.provider, "github"))
    location = (
      can(each.value.deploy_key) ? null
      : "https://${local.hosts[try(each.value.provider, "github")]}/${each.value.org}/${each.value.repo}"
    )
    branch         = can(each.value.deploy_key) ? null : try(each.value.branch, "main")
    connection_arn = can(each.value.deploy_key) ? null : try(each.value.connection, var.connection_arns[each.value.owner])
  }
  buildspec             = local.buildspecs[each.key]
  environment_variables = local.variables[each.key]

  artifacts = (
    local.buckets[each.key] == null ? null
    : { bucket = local.buckets[each.key], path = "dbt-artifacts/project=${each.key}" }
  )
  s3_access = [
    for bucket in compact([local.buckets[each.key]]) : {
      bucket_arn = "arn:${local.partition}:s3:::${bucket}"
      prefix     = "dbt-artifacts/project=${each.key}/"
      write      = true
    }
  ]
  cache = {
    type     = lookup({ s3 = "S3", local = "LOCAL" }, try(each.value.cache, "none"), "NO_CACHE")
    location = try(each.value.cache, "none") == "s3" ? "${local.buckets[each.key]}/dbt-cache/project=${each.key}" : null
  }

  warehouse = merge(
    try(var.warehouses[lower(each.value.engine)], {}),
    try(each.value.access, {}),
    { engine = lower(each.value.engine), iam = try(each.value.iam, var.iam) },
  )
  policy_statements        = concat(var.policy_statements, try(each.value.policy_statements, []))
  additional_policy_arns   = concat(var.additional_policy_arns, try(each.value.policy_arns, []))
  permissions_boundary_arn = var.permissions_boundary_arn

  vpc_config         = try(each.value.vpc_config, null)
  kms_key_arn        = try(each.value.kms_key, null)
  log_group_name     = "/${var.name}/${var.environment}/dbt/${each.key}"
  log_retention_days = try(each.value.log_retention_days, 30)

  tags = merge(var.tags, { engine = lower(each.value.engine) })
}
