"""A platform's gates: what its configuration says, and what follows from the platform where it says nothing.

What gates do is in `rules/gate.py`, the approval key's infrastructure in `bootstrap.py`.
"""

from __future__ import annotations

from pathlib import Path

from buildkit_dagster.config.gates import Excepted, Gates
from buildkit_dagster.config.models import Platform
from buildkit_dagster.stacks.bootstrap import GITHUB_OIDC
from buildkit_dagster.tags.vocabulary import REQUIRED
from buildkit_dagster.tags.wanted import platform_tags

#: The folder of the user's own Rego files, in the platform folder, unless `gates.rego` names another.
POLICIES = "policies"

#: A permissions boundary grants nothing: it is what a role can have at most, of the services it names.
_BOUNDARY = Excepted(
    unit=GITHUB_OIDC,
    address=f"module.{GITHUB_OIDC}.aws_iam_policy.workload_boundary[0]",
    rules=("policy/wildcard-action", "policy/wildcard-resource"),
    reason="a permissions boundary grants nothing",
)


def gates_of(platform: Platform) -> Gates:
    """The gates with the tags every resource of a platform carries, and what is excepted for a reason."""
    gates = platform.config.gates
    return gates.model_copy(
        update={
            "required_tags": _of_everything(platform, gates.required_tags) or REQUIRED,
            "exceptions": (*gates.exceptions, _BOUNDARY),
        }
    )


def _of_everything(platform: Platform, required: tuple[str, ...]) -> tuple[str, ...]:
    """Those that every resource can have: the others are required of jobs, and missed when the platform is loaded."""
    return tuple(key for key in required if key in platform_tags(platform))


def policies_of(platform: Platform) -> Path | None:
    """The folder of the platform's Rego files; None where there is none."""
    named = platform.config.gates.rego
    folder = platform.folder / (named or POLICIES)
    return folder if named or folder.is_dir() else None


def approval_key_of(platform: Platform) -> str | None:
    """The key approvals are signed with; None where the environment names no approvers."""
    return platform.names.approval_alias() if platform.config.approvers else None
