"""What `buildkit trust` looks at: the roles of a stack of the platform, as planned, or as the state has them.

Who gets in is `rules/trust.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import engine_of, terraform_stacks
from buildkit_dagster.errors import NoSuchStack
from buildkit_dagster.naming import command_use
from buildkit_dagster.rules.trust import Role, trusts_web_identities
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.recovery import settle_locks

_ROLE, _DOCUMENT = "aws_iam_role", "assume_role_policy"


def roles_of(
    platform: Platform, process: ProcessEnvironment, name: str, say: Callable[[str], None], *, planned: bool
) -> list[Role]:
    """The roles that a web identity may take on; a plan is made and thrown away. Raises `NoSuchStack`."""
    stacks = {stack.name: stack for stack in terraform_stacks(platform)}
    if name not in stacks:
        raise NoSuchStack(name, list(stacks))
    engine = engine_of(platform, stacks[name], process)
    engine.tell = say
    found = _planned(engine) if planned else None
    roles = _recorded(engine) if found is None else found
    return [role for role in roles if trusts_web_identities(role.document)]


def _planned(engine: Engine) -> list[Role] | None:
    """None when nothing is to change: then the state says it."""
    engine.run = command_use("trust")
    plan = engine.alone(lambda: _plan(engine))
    if plan.is_empty:
        return None
    return [
        Role(change.address, _name(change.values, change.address), change.values.get(_DOCUMENT))
        for change in plan.resources
        if change.type == _ROLE and change.stays
    ]


def _plan(engine: Engine) -> Plan:
    settle_locks(engine)
    engine.write()
    engine.init()
    return engine.plan()


def _recorded(engine: Engine) -> Iterable[Role]:
    for resource in engine.state().resources:
        if resource.type == _ROLE:
            yield Role(resource.address, _name(resource.values, resource.address), resource.values.get(_DOCUMENT))


def _name(values: Any, address: str) -> str:
    return str(values.get("name") or address)
