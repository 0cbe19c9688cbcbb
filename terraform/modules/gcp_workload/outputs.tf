output "service_account_email" {
  description = "Whom the workload works as."
  value       = local.email
}

output "messages_bucket" {
  description = "Bucket for messages, below `pipes/`."
  value       = google_storage_bucket.messages.name

  # Who reads this may write at once.
  depends_on = [google_storage_bucket_iam_member.messages, google_storage_bucket_iam_member.runners]
}

output "log_bucket" {
  description = "Log bucket of the workload's own; null where the project's keeps its logs."
  value       = one(google_logging_project_bucket_config.this[*].bucket_id)
}

output "kms_key" {
  description = "Key of your own that encrypts; null where Google's does."
  value       = local.key

  # Who encrypts with it asks an agent to.
  depends_on = [google_kms_crypto_key_iam_member.agents]
}
