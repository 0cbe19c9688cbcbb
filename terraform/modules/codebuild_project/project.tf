locals {
  uses_connection = contains(["GITHUB", "GITLAB", "BITBUCKET"], var.source_location.type)
}

resource "aws_codebuild_project" "this" {
  name                   = var.name
  description            = var.description
  service_role           = aws_iam_role.this.arn
  build_timeout          = var.build_timeout
  queued_timeout         = var.queued_timeout
  concurrent_build_limit = var.concurrent_build_limit
  source_version         = var.source_location.branch
  encryption_key         = var.kms_key_arn
  tags                   = var.tags

  # The bucket's own encryption applies; CodeBuild's would need its key in every reader's permissions.
  artifacts {
    type                = var.artifacts == null ? "NO_ARTIFACTS" : "S3"
    location            = try(var.artifacts.bucket, null)
    path                = try(var.artifacts.path, null)
    name                = var.artifacts == null ? null : "builds"
    namespace_type      = var.artifacts == null ? null : "BUILD_ID"
    packaging           = var.artifacts == null ? null : "NONE"
    encryption_disabled = var.artifacts == null ? null : true
  }

  environment {
    type                        = var.environment_type
    compute_type                = var.compute_type
    image                       = var.image
    image_pull_credentials_type = startswith(var.image, "aws/codebuild/") ? "CODEBUILD" : "SERVICE_ROLE"
    privileged_mode             = var.privileged

    dynamic "environment_variable" {
      for_each = var.environment_variables

      content {
        name  = environment_variable.key
        value = environment_variable.value.value
        type  = environment_variable.value.type
      }
    }
  }

  source {
    type            = var.source_location.type
    location        = var.source_location.location
    buildspec       = var.buildspec
    git_clone_depth = local.uses_connection ? 1 : null

    dynamic "auth" {
      for_each = local.uses_connection ? [var.source_location.connection_arn] : []

      content {
        type     = "CODECONNECTIONS"
        resource = auth.value
      }
    }
  }

  cache {
    type     = var.cache.type
    location = var.cache.location
    modes    = var.cache.type == "LOCAL" ? var.cache.modes : []
  }

  logs_config {
    cloudwatch_logs {
      status     = "ENABLED"
      group_name = aws_cloudwatch_log_group.this.name
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc_config == null ? [] : [var.vpc_config]

    content {
      vpc_id             = vpc_config.value.vpc_id
      subnets            = vpc_config.value.subnets
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # CodeBuild checks at once what its role may do with the connection and the VPC.
  depends_on = [aws_iam_role_policy.this]
}
