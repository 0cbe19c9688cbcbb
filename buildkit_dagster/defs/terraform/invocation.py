"""One run of Terraform for a stack, step by step, as a stream of Dagster events.

Wait for and clean up after an earlier Terraform, write, init, plan (or open the stored plan that was asked for), judge,
authorise, apply, report. Each step is the engine's or the gatekeeper's; here is their order, and what is told to
Dagster when. Nothing is yielded while Terraform is being stopped.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetObservation, DataVersion, MaterializeResult, MetadataValue

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.defs.checks import put_right
from buildkit_dagster.defs.failures import told_plainly, tried_again
from buildkit_dagster.defs.landscape import blast_metadata, landscape_in
from buildkit_dagster.defs.sqlite import held_open
from buildkit_dagster.defs.terraform.metadata import UnitFacts, output_metadata, scrubbed, unit_metadata
from buildkit_dagster.defs.verdicts import report_policy
from buildkit_dagster.errors import TerraformError, UnitsNotReported
from buildkit_dagster.naming import key_text
from buildkit_dagster.rules.blast_radius import blast_radius
from buildkit_dagster.rules.verdicts import Verdict
from buildkit_dagster.terraform.engine import Engine
from buildkit_dagster.terraform.events import TerraformEvent
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.outputs import known, outputs_in
from buildkit_dagster.terraform.plan import Plan, check_selection
from buildkit_dagster.terraform.recovery import save_lost, settle_locks
from buildkit_dagster.terraform.release import Release
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.retries import Retries, retried
from buildkit_dagster.terraform.versions import data_version

#: For so many seconds Terraform's messages, which become one log entry, and complete units may be kept back.
_TALK_SECONDS = 1.0

DagsterEvent = MaterializeResult[Any] | AssetObservation


@dataclass
class TerraformCliInvocation:
    """A prepared command; `stream()` it inside an op, `wait()` for it elsewhere. `plan` and `verdicts` follow;
    with `digest` it applies exactly that stored plan.
    """

    engine: Engine
    command: str
    options: tuple[str, ...]
    context: AssetExecutionContext | None
    units: Mapping[str, AssetKey]
    gatekeeper: Gatekeeper
    digest: str | None = None
    retries: Retries = field(default_factory=Retries)
    plan: Plan | None = field(default=None, init=False)
    verdicts: tuple[Verdict, ...] = field(default=(), init=False)
    _values: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _facts: dict[str, UnitFacts] = field(default_factory=dict, init=False, repr=False)
    _began: float = field(default=0.0, init=False)
    _unsaid: list[str] = field(default_factory=list, init=False)
    #: Complete units that Dagster was not told of yet, with the second in which they were complete.
    _ready: dict[str, float] = field(default_factory=dict, init=False)
    #: When the first of them came.
    _kept_since: float = field(default=math.inf, init=False)

    def stream(self) -> Iterator[DagsterEvent]:
        """Run, and yield each selected unit's materialization as soon as the unit is complete.

        Raises `dagster.Failure` with one complete message; units that were finished before it stay materialized.
        """
        with ExitStack() as around:
            if self.context is not None:
                around.enter_context(tried_again(self.context, self.retries))
                around.enter_context(held_open(self.context.instance, self.context.run_id))
            around.enter_context(told_plainly())
            yield from self._events()

    def wait(self) -> TerraformCliInvocation:
        """Run to the end; raises a `BuildkitError`."""
        retried(self._to_end, self.retries, self.engine.tell)
        return self

    def work_with(self, engine: Engine) -> None:
        """Run on a variant of the stack."""
        self.engine = engine
        self.gatekeeper = replace(self.gatekeeper, engine=engine)

    def _to_end(self) -> None:
        with told_as_ours():
            deque(self._events(), maxlen=0)

    @property
    def selected(self) -> tuple[str, ...]:
        """The units of this run, in dependency order; all of them outside an op."""
        return tuple(unit for unit in self.engine.stack.root.names if not self.units or unit in self.units)

    @property
    def is_full(self) -> bool:
        return self.selected == self.engine.stack.root.names

    def _events(self) -> Iterator[DagsterEvent]:
        with self.engine.workdir.alone():
            self.gatekeeper.begin(self.digest)
            self._prepare()
            plan = self.plan = self._opened(self.digest) if self.digest else self._planned()
            self.engine.tell(f"Plan of stack {self.engine.stack.name}:\n{plan.summary()}")
            if self.command == "apply":
                check_selection(plan, self.engine.stack.root, self.selected)
                self._admit(plan)
                yield from self._apply(plan)
                self.gatekeeper.note_applied()
                self._look_again(plan)

    def _prepare(self) -> None:
        journals = settle_locks(self.engine)
        self._values = self.engine.write()
        self.engine.init()
        save_lost(self.engine, journals)

    def _planned(self) -> Plan:
        return self.engine.plan(None if self.is_full else self.selected, self.options)

    def _opened(self, digest: str) -> Plan:
        return self.gatekeeper.open(digest, self._values, self.selected)

    def _admit(self, plan: Plan) -> None:
        """The gates: return if this plan may be applied."""
        self.verdicts = self.gatekeeper.judge(plan)
        for verdict in self.verdicts:
            self.engine.tell(str(verdict))
        admitted = False
        try:
            self.gatekeeper.admit(plan, self.verdicts, self._values, self.selected, self.options)
            admitted = True
        finally:
            self._report_verdicts(plan, admitted=admitted)

    def _look_again(self, plan: Plan) -> None:
        """Tell what the gates could not see before the apply."""
        told = {(verdict.rule, verdict.address) for verdict in self.verdicts}
        found = () if plan.is_empty else self.gatekeeper.judge_applied(plan, self.engine.state())
        late = tuple(verdict for verdict in found if (verdict.rule, verdict.address) not in told)
        if late:
            self.engine.tell("\n".join(["Known after the apply only:", *map(str, late)]))
            self.verdicts += late
            self._report_verdicts(plan, admitted=True)

    def _report_verdicts(self, plan: Plan, *, admitted: bool) -> None:
        if self.context is not None:
            report_policy(
                self.context.instance,
                self.engine.stack,
                self.units,
                plan,
                self.verdicts,
                admitted=admitted,
                run=self.context.run_id,
                scrub=self.engine.secrets.scrub,
            )

    def _apply(self, plan: Plan) -> Iterator[DagsterEvent]:
        release = Release(self.engine.stack.root, plan, self.selected)
        outputs = self._note(plan)
        self._began = time.monotonic()
        self._ready = self._now(release.begin())
        yield from self._report_ready(plan, outputs)
        if not plan.is_empty:
            yield from self._carry_out(plan, release)
        if release.waiting:
            raise UnitsNotReported(plan.stack, release.waiting)
        if self.context is not None:
            put_right(self.context.instance, self.units.values(), self.context.run_id)

    def _carry_out(self, plan: Plan, release: Release) -> Iterator[DagsterEvent]:
        """Apply, and report units as they are complete. Outputs are known once the state is written, even by a failure:
        what was reported before has them in an event of its own. After a failure the state may lack what was done."""
        early: list[str] = []
        failed = None
        try:
            for events in self.engine.apply(plan):
                for event in events:
                    self._hear(event, release)
                if time.monotonic() - self._kept_since > _TALK_SECONDS:
                    early += self._ready
                    yield from self._report_ready(plan, {})
        except TerraformError as error:
            failed = error
            early += self._ready
            yield from self._report_ready(plan, {})
        try:
            outputs = self._note(Plan(plan.stack, None))
        except Exception:
            yield from self._report_ready(plan, {})
            # A state that could not be written can seldom be read: what Terraform said of it goes first.
            if failed:
                raise failed from None
            raise
        self._ready |= {} if failed else self._now(release.finish())
        yield from self._report_ready(plan, outputs)
        yield from self._observe(early, outputs)
        if failed:
            raise failed

    def _hear(self, event: TerraformEvent, release: Release) -> None:
        if event.is_told:
            self._unsaid.append(event.message)
            self._kept_since = min(self._kept_since, time.monotonic())
        if not event.is_complete or event.address is None or event.action is None:
            return
        facts = self._facts.get(self.engine.stack.root.unit_of(event.address))
        # The id a deletion tells is that of the object that went.
        if facts is not None and event.address in facts.ids and event.action != "delete":
            facts.ids[event.address] = event.id or facts.ids[event.address]
        self._ready |= self._now(release.complete(event.address, event.action))

    def _now(self, units: Iterable[str]) -> dict[str, float]:
        return dict.fromkeys(units, time.monotonic() - self._began)

    def _report_ready(self, plan: Plan, outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[DagsterEvent]:
        """Tell what has been kept back: every message and every event is a write to Dagster's storage."""
        if self._unsaid:
            self.engine.tell("\n".join(self._unsaid))
        units, self._unsaid, self._ready, self._kept_since = self._ready, [], {}, math.inf
        yield from self._report(units, plan, outputs)

    def _note(self, plan: Plan) -> dict[str, dict[str, Any]]:
        """Collect what is known about each unit's resources, from the state and from what the plan changes; returns
        the units' outputs in that state."""
        state, root = self.engine.state(), self.engine.stack.root
        gone = {change.address for change in plan.resources if not change.stays}
        gone |= {change.moved_from for change in plan.resources if change.moved_from}
        self._facts = {unit: UnitFacts() for unit in root.names}
        for resource in state.resources:
            if resource.address not in gone and (facts := self._facts.get(root.unit_of(resource.address))):
                facts.add(resource.address, resource.type, resource.id, resource.values)
        for change in plan.resources:
            if change.stays and (change.changes or change.rewrites) and (facts := self._facts.get(change.unit)):
                facts.add(change.address, change.type, change.id, change.values)
        return known(outputs_in(self.engine.stack, state))

    def _report(
        self, units: Mapping[str, float], plan: Plan, outputs: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[DagsterEvent]:
        for unit, seconds in units.items() if self.context is not None else ():
            facts = self._facts[unit]
            ids = self.engine.secrets.scrub_value(facts.ids)
            version = data_version(self.engine.stack.root, unit, self._values, ids)
            metadata = unit_metadata(plan, unit, facts, self._region, seconds) | output_metadata(outputs.get(unit, {}))
            metadata |= self._blast(plan, unit)
            yield MaterializeResult(
                asset_key=self.units[unit],
                metadata=scrubbed(metadata, self.engine.secrets),
                data_version=DataVersion(version),
            )

    def _blast(self, plan: Plan, unit: str) -> dict[str, MetadataValue]:
        """What hangs on a unit that lost something."""
        if self.context is None or not any(change.removes for change in plan.changes if change.unit == unit):
            return {}
        key = key_text(self.units[unit].path)
        return blast_metadata(blast_radius([key], landscape_in(self.context)))

    def _observe(self, units: Iterable[str], outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[DagsterEvent]:
        """Outputs of units that were reported before the state was written."""
        for unit in sorted(units) if self.context is not None else ():
            if outputs.get(unit):
                metadata = scrubbed(output_metadata(outputs[unit]), self.engine.secrets)
                yield AssetObservation(asset_key=self.units[unit], metadata=metadata)

    @property
    def _region(self) -> str:
        """For links into the console."""
        stack = self.engine.stack
        if stack.source is not None and stack.source.provider is not None:
            return stack.source.provider.region
        if isinstance(stack.backend, S3Backend) and stack.backend.region:
            return stack.backend.region
        return self.engine.cloud.variables.get("AWS_REGION", "us-east-1")
