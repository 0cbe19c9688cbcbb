# AWS creates a connection as PENDING; only a person in the console can approve it.
resource "aws_codeconnections_connection" "this" {
  name          = var.name
  provider_type = var.provider_type
  tags          = var.tags
}
