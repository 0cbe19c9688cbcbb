# An image that a rule with a smaller number is about is left alone by the others: Amazon ECR user guide, "Lifecycle
# policy evaluation". A tag names one image, so no rule about a tag in use ever finds one too many.
locals {
  kept = [
    for tag in sort(distinct(var.tags_in_use)) : {
      description = "In use: ${tag}"
      action      = { type = "expire" }
      selection = {
        tagStatus      = "tagged"
        tagPatternList = [tag]
        countType      = "imageCountMoreThan"
        countNumber    = 1
      }
    }
  ]

  expired = [
    {
      description = "Untagged images after ${var.untagged_days} days"
      action      = { type = "expire" }
      selection = {
        tagStatus   = "untagged"
        countType   = "sinceImagePushed"
        countUnit   = "days"
        countNumber = var.untagged_days
      }
    },
    {
      description = "The newest ${var.tagged_count} tagged images stay"
      action      = { type = "expire" }
      selection = {
        tagStatus      = "tagged"
        tagPatternList = ["*"]
        countType      = "imageCountMoreThan"
        countNumber    = var.tagged_count
      }
    },
  ]
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [for place, rule in concat(local.kept, local.expired) : merge({ rulePriority = place + 1 }, rule)]
  })
}
