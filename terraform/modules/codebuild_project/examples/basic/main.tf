terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "target" {
  description = "dbt target the build uses."
  type        = string
  default     = "dev"
}

module "codebuild_project" {
  source = "../.."

  name               = "example-dev-dbt-flights"
  description        = "Builds the dbt project flights"
  account_id         = "123456789012"
  role_name          = "example-dev-dbt-flights"
  log_group_name     = "/example/dev/dbt/flights"
  log_retention_days = 30
  build_timeout      = 30

  image          = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/example-dev-platform:3f1c9a20b7de"
  repository_arn = "arn:aws:ecr:eu-west-1:123456789012:repository/example-dev-platform"

  source_location = {
    type           = "GITHUB"
    location       = "https://github.com/example-org/flights"
    branch         = "main"
    connection_arn = "arn:aws:codeconnections:eu-west-1:123456789012:connection/0b7c4d0e-2f6e-4b6e-9d55-7f0f5a1c2d3e"
  }

  buildspec = yamlencode({
    version = "0.2"
    phases  = { build = { commands = ["dbt build --target \"$DBT_TARGET\""] } }
  })

  environment_variables = {
    DBT_TARGET = { value = var.target }
    DB_PASSWORD = {
      type  = "SECRETS_MANAGER"
      value = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:warehouse-a1b2c3:password"
    }
  }

  s3_access = [
    { bucket_arn = "arn:aws:s3:::example-dev-artifacts", prefix = "dbt/flights/", write = true },
  ]

  tags = { engine = "athena" }
}

output "arn" {
  description = "For StartBuild."
  value       = module.codebuild_project.arn
}
