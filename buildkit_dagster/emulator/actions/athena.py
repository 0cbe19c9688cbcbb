"""Athena: UpdateWorkGroup. Queries do not run here; starting one is refused in `refusal`."""

from __future__ import annotations

from typing import Any

from moto.athena.responses import AthenaResponse

from buildkit_dagster.emulator.actions import Refused, replace

#: UpdateWorkGroup names the nested members of ResultConfiguration differently.
_RESULT = "ResultConfigurationUpdates"


def install() -> None:
    """Add the action moto lacks."""
    replace(AthenaResponse, update_work_group)


def update_work_group(self: AthenaResponse) -> str:
    """Change description, state and the named parts of the configuration; the others stay."""
    name = self._get_param("WorkGroup")
    group = self.athena_backend.work_groups.get(name)
    if group is None:
        raise Refused("InvalidRequestException", f"WorkGroup {name} is not found.")
    if (description := self._get_param("Description")) is not None:
        group.description = description
    if state := self._get_param("State"):
        group.state = state
    updates = dict(self._get_param("ConfigurationUpdates") or {})
    results = _changed(group.configuration.get("ResultConfiguration") or {}, updates.pop(_RESULT, None) or {})
    group.configuration = _changed(group.configuration, updates)
    if results:
        group.configuration["ResultConfiguration"] = results
    return "{}"


def _changed(old: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    """`RemoveX: true` removes X, everything else sets."""
    removed = {name.removeprefix("Remove") for name, value in updates.items() if name.startswith("Remove") and value}
    kept = {name: value for name, value in old.items() if name not in removed}
    return kept | {name: value for name, value in updates.items() if not name.startswith("Remove")}
