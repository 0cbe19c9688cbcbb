"""Variables in the paths of a job: `${CONNECTORS}/raw.yaml` becomes a path, where platform.yaml lists the variable.

Only what `path_variables` names is looked up, in the process environment that the caller passes on
(`config/environment.py`); any other `$` in a path is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from buildkit_dagster.config.problems import Problem
from buildkit_dagster.config.spelling import plain
from buildkit_dagster.config.yaml import Document

#: The keys of a job that are paths, in their plain spelling.
PATHS = ("source_connector_path", "target_connector_path", "asset_path")

_VARIABLE = re.compile(r"\$\{([^}]*)\}|\$")


@dataclass(frozen=True)
class Variables:
    """What may stand in paths: `listed` by the platform, with this process's `values`; paths begin at `config`."""

    listed: tuple[str, ...]
    values: Mapping[str, str]
    config: Path


def expanded(document: Document, variables: Variables) -> tuple[Document, list[Problem]]:
    """The job with its variables replaced. A path that cannot be is left out, and told in a problem."""
    data, problems = document.data, []
    for key, path in _with_variables(data):
        found = list(_problems(document, key, path, variables))
        problems += found
        kept = {name: value for name, value in data.items() if name != key}
        data = kept if found else {**data, key: _relative(_replaced(path, variables.values), variables.config)}
    return (document if data is document.data else replace(document, data=data)), problems


def _with_variables(data: Any) -> Iterator[tuple[str, str]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            if plain(key) in PATHS and isinstance(value, str) and "$" in value:
                yield key, value


def _problems(document: Document, key: str, path: str, variables: Variables) -> Iterator[Problem]:
    for match in _VARIABLE.finditer(path):
        name = match[1]
        if name is None:
            yield document.problem((key,), f"a lone $ in {path!r}; a variable is written ${{NAME}}")
        elif name not in variables.listed:
            allowed = ", ".join(variables.listed) or "none is listed"
            yield document.problem(
                (key,), f"{match[0]} is not among `path_variables` of config/platform.yaml; allowed: {allowed}"
            )
        elif not variables.values.get(name):
            yield document.problem(
                (key,), f"{match[0]} is not set; set the environment variable {name} where buildkit and Dagster run"
            )


def _replaced(path: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values[match[1]], path)


def _relative(path: str, config: Path) -> str:
    """As paths of jobs are written, also where a variable holds the whole path of the folder."""
    whole = config.joinpath(path)
    return whole.relative_to(config).as_posix() if whole.is_relative_to(config) else path
