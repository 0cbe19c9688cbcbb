"""YAML in, frozen pydantic models out; every error carries file and line."""
