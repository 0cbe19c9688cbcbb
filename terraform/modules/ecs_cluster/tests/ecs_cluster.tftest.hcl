mock_provider "aws" {
  mock_data "aws_vpc" {
    defaults = { id = "vpc-default" }
  }

  mock_data "aws_subnets" {
    defaults = { ids = ["subnet-b", "subnet-a"] }
  }

  mock_data "aws_subnet" {
    defaults = { vpc_id = "vpc-given" }
  }
}

variables {
  name = "example"
}

run "without_subnets_tasks_run_in_the_default_vpc" {
  assert {
    condition     = output.vpc_id == "vpc-default" && output.subnet_ids == tolist(["subnet-a", "subnet-b"])
    error_message = "The default VPC and its subnets."
  }

  assert {
    condition     = one(aws_ecs_cluster.this.setting).value == "enabled"
    error_message = "Container insights are on."
  }
}

run "given_subnets_decide_the_vpc" {
  variables {
    subnet_ids = ["subnet-x"]
  }

  assert {
    condition     = output.vpc_id == "vpc-given" && output.subnet_ids == tolist(["subnet-x"])
    error_message = "The given subnets and their VPC."
  }
}
