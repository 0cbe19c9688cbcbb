output "jobs" {
  description = "The jobs by their names, for `gcloud run jobs execute`."
  value       = [module.hubspot_contacts.job_name, module.stripe_customers.job_name]
}
