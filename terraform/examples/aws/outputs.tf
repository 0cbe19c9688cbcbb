output "task_definition_arns" {
  description = "The task definitions of the jobs."
  value       = [module.hubspot_contacts.task_definition_arn, module.stripe_customers.task_definition_arn]
}

output "log_group_names" {
  description = "Where the jobs log."
  value       = [module.hubspot_contacts.log_group_name, module.stripe_customers.log_group_name]
}

output "run_task" {
  description = "Starts HubSpot's contacts by hand."
  value = join(" ", [
    "aws ecs run-task --cluster ${var.ecs_cluster_name} --task-definition ${module.hubspot_contacts.family}",
    "--launch-type FARGATE --propagate-tags TASK_DEFINITION --network-configuration",
    "'awsvpcConfiguration={subnets=[${join(",", var.subnet_ids)}],securityGroups=[${join(",", concat([module.hubspot_contacts.security_group_id], var.security_group_ids))}],assignPublicIp=DISABLED}'",
  ])
}
