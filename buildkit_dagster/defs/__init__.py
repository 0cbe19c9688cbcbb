"""The outer ring: the only package that imports dagster."""
