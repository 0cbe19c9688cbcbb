"""What a materialization says about a unit: counts, resources, links, outputs, the plan's summary.

Everything comes from models that have no sensitive values any more (`plan.py`, `state.py`), and is searched for the
run's secrets all the same: they may be part of other values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster import JsonMetadataValue, MarkdownMetadataValue, MetadataValue, TextMetadataValue, UrlMetadataValue

from buildkit_dagster.terraform.links import console_links
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.redaction import Secrets
from buildkit_dagster.terraform.secret_names import masked

#: Longest list of resources shown; the count is always there.
_SHOWN = 100
#: Kinds of metadata that hold text.
_WITH_TEXT: Mapping[type, Callable[[Any], MetadataValue]] = {
    JsonMetadataValue: MetadataValue.json,
    MarkdownMetadataValue: MetadataValue.md,
    TextMetadataValue: MetadataValue.text,
    UrlMetadataValue: MetadataValue.url,
}


@dataclass
class UnitFacts:
    """The resources of one unit: address → type, id, known values."""

    types: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str | None] = field(default_factory=dict)
    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, address: str, kind: str, resource_id: str | None, values: Mapping[str, Any]) -> None:
        self.types[address] = kind
        self.ids[address] = resource_id
        self.values[address] = values


def unit_metadata(plan: Plan, unit: str, facts: UnitFacts, region: str, seconds: float) -> dict[str, MetadataValue]:
    """Metadata that is known when the unit is complete; `seconds` since the apply began."""
    counts = plan.counts(unit)
    metadata: dict[str, MetadataValue] = {
        "added": MetadataValue.int(counts.add),
        "changed": MetadataValue.int(counts.change),
        "destroyed": MetadataValue.int(counts.destroy),
        "resource_count": MetadataValue.int(len(facts.types)),
        "seconds": MetadataValue.float(round(seconds, 2)),
        "plan": MetadataValue.md(plan.summary([unit])),
    }
    if facts.types:
        metadata["resources"] = MetadataValue.md(_listed(facts))
    links = console_links(_triples(facts), region)
    if links:
        metadata["console"] = MetadataValue.md("\n".join(f"- [{address}]({url})" for address, url in links.items()))
    return metadata


def output_metadata(outputs: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """A unit's outputs, which are known when the state is written."""
    return {"outputs": MetadataValue.json(masked(dict(outputs)))} if outputs else {}


def scrubbed(metadata: Mapping[str, MetadataValue], secrets: Secrets) -> dict[str, MetadataValue]:
    """The same metadata without any secret."""
    return {secrets.scrub(name): _scrubbed(value, secrets) for name, value in metadata.items()}


def _scrubbed(value: MetadataValue, secrets: Secrets) -> MetadataValue:
    for kind, make in _WITH_TEXT.items():
        if isinstance(value, kind):
            return make(secrets.scrub_value(value.value))
    return value


def _listed(facts: UnitFacts) -> str:
    addresses = sorted(facts.types)
    lines = [f"- `{address}`" + (f": {facts.ids[address]}" if facts.ids[address] else "") for address in addresses]
    more = [f"- and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(lines[:_SHOWN] + more)


def _triples(facts: UnitFacts) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    for address, kind in sorted(facts.types.items()):
        yield address, kind, {"id": facts.ids[address], **facts.values[address]}
