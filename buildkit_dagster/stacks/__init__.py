"""Configuration to Terraform roots: one file per stack."""
