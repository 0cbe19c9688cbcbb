# Each command runs once and as it is written. What dbt wrote is kept beside the checkout, which stays as it is.
locals {
  kept = "$CODEBUILD_SRC_DIR/../buildkit.kept"

  collect = "find . -name dbt_packages -prune -o -type f -path '*/target/*' -name '*.json' -exec cp {} \"${local.kept}\" \\;"

  buildspecs = {
    for name, project in local.projects : name => jsonencode({
      version = "0.2"
      phases = merge(
        { for key in can(project.deploy_key) ? ["pre_build"] : [] : key => { commands = [file("${path.module}/checkout.sh")] } },
        {
          build = {
            # CodeBuild fails a build that leaves nothing to upload.
            commands = concat(["mkdir -p \"${local.kept}\" && echo '{}' > \"${local.kept}/build.json\""], project.commands)
            finally  = [local.collect]
          }
        },
      )
      artifacts = { base-directory = local.kept, files = ["*.json"] }
    })
  }

  # The keys that the providers publish, unless the project names its own.
  known_hosts = {
    for name, project in local.projects : name => try(project.known_hosts, join("\n", [
      for line in split("\n", file("${path.module}/known_hosts")) :
      line if startswith(line, "${local.hosts[try(project.provider, "github")]} ")
    ]))
  }

  plain = {
    for name, project in local.projects : name => merge(
      { BUILDKIT_DBT_TARGET = lower(project.engine) },
      {
        for key, value in {
          BUILDKIT_REPOSITORY  = "git@${local.hosts[try(project.provider, "github")]}:${project.org}/${project.repo}.git"
          BUILDKIT_BRANCH      = try(project.branch, "main")
          BUILDKIT_KNOWN_HOSTS = local.known_hosts[name]
        } : key => value if can(project.deploy_key)
      },
      try(project.environment_variables, {}),
    )
  }

  variables = {
    for name, project in local.projects : name => merge(
      { for key, value in local.plain[name] : key => { value = tostring(value), type = "PLAINTEXT" } },
      {
        for key, arn in merge(local.secrets[name], { for key in ["BUILDKIT_DEPLOY_KEY"] : key => project.deploy_key if can(project.deploy_key) }) :
        key => { value = arn, type = "SECRETS_MANAGER" }
      },
    )
  }
}
