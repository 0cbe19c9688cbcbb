"""A buildspec (version 0.2, YAML or JSON) as the phases and variables a build needs.

Read strictly: what CodeBuild would do and the emulator does not is refused by name, not passed over. Running the
phases is `build_leader`, finding the buildspec is `sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from buildkit_dagster.errors import EmulatorError

PHASES = ("install", "pre_build", "build", "post_build")

_TOP = ("version", "env", "phases", "artifacts", "cache")
#: The credential helper is for pushing to the source's repository, which a mapped folder does not have.
_ENV = ("shell", "variables", "secrets-manager", "parameter-store", "exported-variables", "git-credential-helper")
_PHASE = ("commands", "finally", "on-failure", "runtime-versions")
_ARTIFACTS = ("files", "base-directory", "discard-paths", "name")
_SHELLS = ("sh", "bash")
_ON_FAILURE = ("ABORT", "CONTINUE")


class BuildspecRefused(EmulatorError):
    """The buildspec is not one, or asks for what the emulator does not do."""


@dataclass(frozen=True)
class Phase:
    """One phase's commands; `finally_` run whatever became of them; `on_failure` None is CodeBuild's default."""

    name: str
    commands: tuple[str, ...]
    finally_: tuple[str, ...]
    on_failure: str | None


@dataclass(frozen=True)
class ArtifactFiles:
    """The files a build leaves: patterns below `base`, which may name variables; their folders kept or not."""

    patterns: tuple[str, ...]
    base: str = "."
    discard_paths: bool = False


@dataclass(frozen=True)
class Buildspec:
    """What a build runs, and the variables it adds to those of project and call."""

    phases: tuple[Phase, ...]
    shell: str = "sh"
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    artifacts: ArtifactFiles | None = None


def parse_buildspec(text: str) -> Buildspec:
    """Read a buildspec; raises BuildspecRefused naming the key and what is allowed there."""
    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise BuildspecRefused(f"YAML_FILE_ERROR: {error}") from error
    top = _mapping("the buildspec", data, _TOP)
    if str(top.get("version")) != "0.2":
        raise BuildspecRefused(f"version {top.get('version')!r} of the buildspec; the emulator runs 0.2")
    env = _mapping("env", top.get("env") or {}, _ENV)
    phases = _mapping("phases", top.get("phases") or {}, PHASES)
    return Buildspec(
        phases=tuple(_phase(name, phases[name]) for name in PHASES if phases.get(name)),
        shell=_one_of("env.shell", env.get("shell", "sh"), _SHELLS),
        variables=_texts("env.variables", env.get("variables")),
        secrets=_texts("env.secrets-manager", env.get("secrets-manager")),
        parameters=_texts("env.parameter-store", env.get("parameter-store")),
        exported=tuple(env.get("exported-variables") or ()),
        artifacts=_artifacts(top["artifacts"]) if top.get("artifacts") else None,
    )


def _artifacts(data: Any) -> ArtifactFiles:
    found = _mapping("artifacts", data, _ARTIFACTS)
    files = found.get("files") or []
    return ArtifactFiles(
        patterns=_commands("artifacts.files", [files] if isinstance(files, str) else files),
        base=str(found.get("base-directory") or "."),
        discard_paths=str(found.get("discard-paths", "no")).lower() in ("yes", "true"),
    )


def _phase(name: str, data: Any) -> Phase:
    place = f"phases.{name}"
    found = _mapping(place, data, _PHASE)
    on_failure = found.get("on-failure")
    if on_failure is not None:
        _one_of(f"{place}.on-failure", on_failure, _ON_FAILURE)
    return Phase(
        name=name.upper(),
        commands=_commands(f"{place}.commands", found.get("commands")),
        finally_=_commands(f"{place}.finally", found.get("finally")),
        on_failure=on_failure,
    )


def _commands(place: str, data: Any) -> tuple[str, ...]:
    if not isinstance(data or [], list) or any(not isinstance(one, str) for one in data or []):
        raise BuildspecRefused(f"{place} is not a list of texts")
    return tuple(data or ())


def _texts(place: str, data: Any) -> dict[str, str]:
    if not isinstance(data or {}, dict) or any(isinstance(one, dict | list) for one in (data or {}).values()):
        raise BuildspecRefused(f"{place} is not a mapping of texts")
    return {str(name): "" if value is None else str(value) for name, value in (data or {}).items()}


def _mapping(place: str, data: Any, allowed: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BuildspecRefused(f"{place} is not a mapping")
    if unknown := sorted(set(data) - set(allowed)):
        raise BuildspecRefused(f"{place} has {', '.join(unknown)}; the emulator does {', '.join(allowed)}")
    return data


def _one_of(place: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BuildspecRefused(f"{place} is {value!r}; the emulator does {', '.join(allowed)}")
    return str(value)
