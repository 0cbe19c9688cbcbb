"""Destroying all that one stack's state holds: a plan of it, the gates where there are any, and exactly that plan.

In which order stacks go, and who is asked, is decided in `defs/destruction.py`; the state of `bootstrap` leaves its
bucket in `migrate.py`. What a killed run leaves behind is found by the next one, as for an apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from buildkit_dagster.errors import TerraformError
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.plan_record import DESTROY
from buildkit_dagster.terraform.recovery import save_lost, settle_locks


def destroy_stack(engine: Engine, gatekeeper: Gatekeeper | None = None) -> bool:
    """Destroy everything in the stack's state, orphans too; False where there is nothing.

    With a gatekeeper the plan must pass its gates: one that waits for its approval is stored and named in the error,
    and is the one to be carried out when it was approved. Raises TerraformError; what was destroyed until then is gone
    from the state.
    """
    return engine.alone(lambda: _destroy(engine, gatekeeper))


def ask_the_gates(engine: Engine, gatekeeper: Gatekeeper) -> None:
    """Raise what `destroy_stack` would raise before it destroys anything."""
    engine.alone(lambda: _ask(engine, gatekeeper))


def _destroy(engine: Engine, gatekeeper: Gatekeeper | None) -> bool:
    if not _prepare(engine):
        return False
    plan = _admitted(engine, gatekeeper)
    engine.tell(f"Destroying stack {engine.stack.name}:\n{plan.summary()}")
    if plan.is_empty:
        return False
    for events in engine.apply(plan):
        for event in events:
            if event.is_told:
                engine.tell(event.message)
    return True


def _ask(engine: Engine, gatekeeper: Gatekeeper) -> None:
    if _prepare(engine):
        _admitted(engine, gatekeeper)


def _prepare(engine: Engine) -> bool:
    journals = settle_locks(engine)
    if not journals and not engine.state().resources:
        return False
    engine.write()
    engine.init()
    save_lost(engine, journals)
    return bool(engine.state().resources)


def _admitted(engine: Engine, gatekeeper: Gatekeeper | None) -> Plan:
    if gatekeeper is None:
        return engine.plan(arguments=DESTROY)
    values = engine.write()
    plan = _stored(gatekeeper, values) or engine.plan(arguments=DESTROY)
    gatekeeper.admit(plan, gatekeeper.judge(plan), values, engine.stack.root.names, DESTROY)
    return plan


def _stored(gatekeeper: Gatekeeper, values: Mapping[str, Any]) -> Plan | None:
    """The newest stored plan to destroy this stack that is still true."""
    units = gatekeeper.engine.stack.root.names
    for record in gatekeeper.plans.open(datetime.now(UTC)):
        if record.destroys:
            try:
                return gatekeeper.open(record.digest, values, units)
            except TerraformError as error:
                gatekeeper.engine.tell(f"The stored plan {record.digest} no longer holds: {error}")
    return None
