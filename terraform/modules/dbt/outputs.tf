output "projects" {
  description = "Each active project by its name: CodeBuild project (name, ARN, console address), role, log group, engine, repository, minutes a build may take, and schedule (null for projects that are started by hand)."
  value = {
    for name, project in local.projects : name => {
      name       = module.project[name].name
      arn        = module.project[name].arn
      url        = "https://${data.aws_region.current.name}.${local.console}/codesuite/codebuild/${local.account}/projects/${module.project[name].name}?region=${data.aws_region.current.name}"
      role_arn   = module.project[name].role_arn
      log_group  = module.project[name].log_group
      engine     = lower(project.engine)
      repository = "${project.org}/${project.repo}"
      timeout    = try(project.timeout, 60)
      schedule   = try(module.schedule[name].expression, null)
    }
  }
}

output "schedules" {
  description = "Each scheduled project by its name: schedule, its expression as written and as EventBridge has it, whether it fires, and the role that starts builds."
  value = {
    for name, one in module.schedule : name => {
      name       = one.name
      written    = local.projects[name].schedule
      expression = one.expression
      enabled    = var.schedules_enabled
      role_arn   = one.role_arn
    }
  }
}

output "unscheduled" {
  description = "Names of the active projects without a schedule."
  value       = [for name, project in local.projects : name if !can(project.schedule)]
}

locals {
  console = lookup({
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
  }, local.partition, "console.aws.amazon.com")
}
