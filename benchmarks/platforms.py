"""The platform.yaml of every benchmark: one emulated environment with a DuckDB warehouse and one bucket."""

from __future__ import annotations

_TEXT = """\
name: {name}
defaults:
  region: us-east-1
  tags: {{project: {name}, owner: platform@example.com, department: data, cost_center: DATA-1,
         data_sensitivity: internal, purpose: analytics}}
  github: {{organization: example-org, repository: {name}}}
  buckets: {{raw: {{notifications: {notifications}}}}}
  images: {{platform: {{}}}}
environments:
  dev:
    cloud: emulator
    account: "123456789012"
    github: {{apply_environment: dev}}
    warehouse: {{type: duckdb, path: .buildkit/dev/warehouse.duckdb}}
"""


def platform_text(name: str, *, notifications: bool = False) -> str:
    """`notifications`: the bucket sends its events to a queue."""
    return _TEXT.format(name=name, notifications=str(notifications).lower())
