# Starts that did not come about.
resource "aws_sqs_queue" "dead_letter" {
  count = var.dead_letter_queue_name == null ? 0 : 1

  name                      = var.dead_letter_queue_name
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
  tags                      = var.tags
}
