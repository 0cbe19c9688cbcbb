resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Schedule ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "scheduler.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })
}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name

  # Whatever revision is the newest when it starts.
  family = replace(try(var.task.task_definition_arn, ""), "/:[0-9]+$/", "")

  # The queue's ARN is made of its name, so that a plan shows the whole document.
  # Statements stay tuples: their shapes differ, and a conditional would have to unify them.
  statements = concat(
    [
      for task in var.task[*] : {
        Sid       = "StartTasks"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = [local.family, "${local.family}:*"]
        Condition = { ArnEquals = { "ecs:cluster" = task.cluster_arn } }
      }
    ],
    [
      for task in var.task[*] : {
        Sid       = "HandOutItsRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = task.role_arns
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      }
    ],
    [
      # A task that gets the tags of its definition is tagged by who starts it.
      for task in var.task[*] : {
        Sid       = "TagTasks"
        Effect    = "Allow"
        Action    = ["ecs:TagResource"]
        Resource  = ["${replace(task.cluster_arn, ":cluster/", ":task/")}/*"]
        Condition = { StringEquals = { "ecs:CreateAction" = "RunTask" } }
      }
    ],
    [
      for function in var.function[*] : {
        Sid      = "CallTheFunction"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = [function.arn]
      }
    ],
    [
      for name in var.dead_letter_queue_name[*] : {
        Sid      = "LayDownDeadLetters"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = ["arn:${local.partition}:sqs:${local.region}:${var.account_id}:${name}"]
      }
    ],
  )
}

resource "aws_iam_role_policy" "this" {
  name   = "start"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}
