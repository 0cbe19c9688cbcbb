variable "aws_region" {
  description = "Region of the jobs."
  type        = string
  default     = "us-east-1"
}

variable "image_uri" {
  description = "Image of the jobs, with tag or digest."
  type        = string
}

variable "ecs_cluster_name" {
  description = "Cluster the jobs run in, for `aws ecs run-task`."
  type        = string
}

variable "ecs_cluster_arn" {
  description = "ARN of that cluster, for the schedule."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the jobs, all in one VPC."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the jobs beside their own, which have no way in."
  type        = list(string)
  default     = []
}
