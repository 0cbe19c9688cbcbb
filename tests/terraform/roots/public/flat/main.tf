# The shape of a root that grew: no modules, everything in one folder, a name for each workspace, a resource somebody
# made by hand, one that was given away, checks, heredocs, conditionals and a second region.

locals {
  env    = terraform.workspace == "default" ? "dev" : terraform.workspace
  prefix = lower("${var.project}-${local.env}")

  settings = {
    dev  = { retention = 3, copies = 1 }
    prod = { retention = 30, copies = 2 }
  }
  mine = lookup(local.settings, local.env, local.settings["dev"])

  parameters = merge(
    { for key, value in var.parameters : "/${local.prefix}/${key}" => tostring(value) },
    local.env == "prod" ? { "/${local.prefix}/only/prod" = "yes" } : {},
  )
}

provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias  = "usa"
  region = "us-east-1"
}

variable "project" {
  type    = string
  default = "Straße"
}

variable "parameters" {
  type    = map(any)
  default = { greeting = "grüezi \"mitenand\" ${"$"}{not.a.reference}", count = 3 }
}

variable "adopted" {
  type = string
}

data "aws_region" "current" {}

data "aws_iam_policy_document" "topic" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    dynamic "principals" {
      for_each = { Service = ["cloudwatch.amazonaws.com"] }
      content {
        type        = principals.key
        identifiers = principals.value
      }
    }
  }
}

resource "aws_sns_topic" "alarms" {
  name         = "${replace(local.prefix, "/[^a-z0-9-]/", "")}-alarms"
  display_name = "Alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic" "usa" {
  provider = aws.usa
  name     = aws_sns_topic.alarms.name
}

resource "aws_ssm_parameter" "settings" {
  for_each = local.parameters

  name  = replace(each.key, "ß", "ss")
  type  = "String"
  value = each.value
}

resource "aws_cloudwatch_log_group" "jobs" {
  count = local.mine.copies

  name              = format("/%s/jobs-%02d", replace(local.prefix, "ß", "ss"), count.index + 1)
  retention_in_days = local.mine.retention
}

resource "aws_s3_bucket" "adopted" {
  bucket        = var.adopted
  force_destroy = true
}

resource "aws_ssm_parameter" "motd" {
  name = "/${replace(local.prefix, "ß", "ss")}/motd"
  type = "String"

  value = <<-EOT
    # ${upper(local.env)} in ${data.aws_region.current.name}
    %{for name in sort(keys(local.parameters))~}
    - ${name}
    %{endfor~}
    %{if local.env == "prod"}careful!%{else}have fun%{endif}
  EOT

  lifecycle {
    precondition {
      condition     = length(local.parameters) > 0
      error_message = "There is nothing to tell."
    }
  }
}

check "topics_have_one_name" {
  data "aws_sns_topic" "found" {
    name = aws_sns_topic.alarms.name
  }

  assert {
    condition     = data.aws_sns_topic.found.arn == aws_sns_topic.alarms.arn
    error_message = "The topic ${aws_sns_topic.alarms.name} is somebody else's."
  }
}

import {
  to = aws_s3_bucket.adopted
  id = var.adopted
}

removed {
  from = aws_sns_topic.given_away

  lifecycle {
    destroy = false
  }
}

moved {
  from = aws_cloudwatch_log_group.job
  to   = aws_cloudwatch_log_group.jobs[0]
}

output "topic" {
  value = aws_sns_topic.alarms.arn
}

output "parameters" {
  value     = { for key, parameter in aws_ssm_parameter.settings : key => parameter.value }
  sensitive = true
}
