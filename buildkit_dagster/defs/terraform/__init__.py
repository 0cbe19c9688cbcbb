"""Terraform roots as Dagster assets."""
