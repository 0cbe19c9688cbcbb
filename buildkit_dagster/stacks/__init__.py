"""Configuration turned into the root of each stack, one file per stack; `build.py` puts them in order.

Nothing here runs Terraform or knows Dagster. HCL is in `terraform/modules/`, names are in `naming.py`, tags in
`tags/`, the JSON form of a root in `terraform/render.py`.
"""
