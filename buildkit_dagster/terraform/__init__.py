"""The Terraform engine: plain Python around the terraform binary, no Dagster."""
