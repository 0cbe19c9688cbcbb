module "repository" {
  source = "../ecr_repository"

  name         = coalesce(var.repository_name, "${var.name}-${var.environment}-dbt")
  kms_key_arn  = var.kms_key_arn
  tagged_count = var.tagged_count
  tags_in_use  = var.tags_in_use
  tags         = var.tags
}
