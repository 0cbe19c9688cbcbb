resource "aws_lambda_function" "this" {
  function_name                  = var.name
  description                    = "Loads what ${var.name} is asked to"
  role                           = aws_iam_role.this.arn
  architectures                  = [var.architecture]
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = local.kms_key_arn
  tags                           = var.tags

  package_type      = var.image == null ? "Zip" : "Image"
  image_uri         = var.image
  filename          = try(var.package.filename, null)
  source_code_hash  = try(var.package.source_code_hash, null)
  s3_bucket         = try(var.package.s3_bucket, null)
  s3_key            = try(var.package.s3_key, null)
  s3_object_version = try(var.package.s3_object_version, null)
  handler           = try(var.package.handler, null)
  runtime           = try(var.package.runtime, null)

  dynamic "image_config" {
    for_each = var.image == null ? [] : [1]

    content {
      entry_point = var.entry_point
      command     = var.command
    }
  }

  dynamic "environment" {
    for_each = length(var.environment) == 0 ? [] : [1]

    content {
      variables = var.environment
    }
  }

  ephemeral_storage {
    size = var.ephemeral_storage
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = "PassThrough"
  }

  dynamic "vpc_config" {
    for_each = var.vpc_config == null ? [] : [1]

    content {
      subnet_ids         = var.vpc_config.subnet_ids
      security_group_ids = concat(aws_security_group.this[*].id, var.vpc_config.security_group_ids)
    }
  }

  # Without its permissions the first call fails, and in a VPC the creation does.
  depends_on = [aws_iam_role_policy.this]
}

# Work that failed is not done again by Lambda: who asked for it decides that.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = var.maximum_event_age

  dynamic "destination_config" {
    for_each = aws_sqs_queue.dead_letter

    content {
      on_failure {
        destination = destination_config.value.arn
      }
    }
  }
}
