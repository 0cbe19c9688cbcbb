resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([
    {
      name        = var.container_name
      image       = var.image
      essential   = true
      cpu         = var.cpu
      memory      = var.memory
      command     = var.command
      stopTimeout = var.stop_timeout

      # Sorted by name, as a map is: an order of its own would be a change at every plan.
      environment = [for name, value in var.environment : { name = name, value = value }]
      secrets     = [for name, reference in var.secrets : { name = name, valueFrom = reference }]

      # An init process passes the stop signal on and reaps what the job leaves behind.
      linuxParameters = { initProcessEnabled = true }

      mountPoints    = []
      portMappings   = []
      systemControls = []
      volumesFrom    = []

      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.this.name
          awslogs-region        = local.region
          awslogs-stream-prefix = var.log_stream_prefix
        }
      }
    },
  ])
}
