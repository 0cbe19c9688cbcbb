"""Between plan and apply: judge, store what must wait, and open what was stored; nothing is ever re-planned here.

The order is the same for every run: judge the plan, and where a gate denies it or asks for an approval, store it first,
so that the error names a digest that exists. What gates look for is in `rules/`, what a stored plan says in
`plan_record.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.exceptions

from buildkit_dagster.config.gates import Gates
from buildkit_dagster.errors import ApprovalKeyMissing, IdentityUnknown
from buildkit_dagster.rules.gate import authorise, judge
from buildkit_dagster.rules.verdicts import Severity, Verdict
from buildkit_dagster.terraform.approvals import KEY_MODULE, Approval, KmsKey, by_digest, find_approval, spend
from buildkit_dagster.terraform.engine import Cloud, Engine
from buildkit_dagster.terraform.inputs import input_parts
from buildkit_dagster.terraform.journal import who
from buildkit_dagster.terraform.plan import Plan
from buildkit_dagster.terraform.plan_record import PlanRecord, changes_of, digest_for, plan_parts
from buildkit_dagster.terraform.plans import Plans, write_plan_file
from buildkit_dagster.terraform.rendered_root import S3Backend
from buildkit_dagster.terraform.speculative import differences
from buildkit_dagster.terraform.stack import TerraformStack
from buildkit_dagster.terraform.state import State


@dataclass
class Gatekeeper:
    """The gates of one run of a stack. `key` names the approval key in KMS, None where nobody is to sign.

    `record` is the stored plan of this run, `opened` is it too where the run was asked to apply it by its digest.
    """

    engine: Engine
    gates: Gates
    policies: Path | None = None
    key: str | None = None
    record: PlanRecord | None = field(default=None, init=False)
    opened: PlanRecord | None = field(default=None, init=False)

    @cached_property
    def plans(self) -> Plans:
        return Plans(self.engine.stack, self.engine.s3)

    def judge(self, plan: Plan) -> tuple[Verdict, ...]:
        """Every verdict on the plan, without secrets: a policy may quote what nothing marks as one."""
        return tuple(
            replace(verdict, address=scrub(verdict.address), message=scrub(verdict.message))
            for scrub in [self.engine.secrets.scrub]
            for verdict in judge(plan, self.engine.stack, self.gates, self.policies)
        )

    def judge_applied(self, plan: Plan, state: State) -> tuple[Verdict, ...]:
        """What the rules say of values that only the apply told, a policy that names a new ARN for one: no gate could
        see them before. They are there now, so these are warnings, as for all that a plan leaves as it is."""
        values = {resource.address: resource.values for resource in state.resources}
        told = (change for change in plan.changes if change.unknown and change.address in values)
        seen = tuple(replace(change, values=values[change.address], unknown=frozenset()) for change in told)
        verdicts = replace(self, policies=None).judge(Plan(plan.stack, plan.file, seen))
        return tuple(replace(verdict, severity=Severity.WARN) for verdict in verdicts)

    def admit(
        self,
        plan: Plan,
        verdicts: Sequence[Verdict],
        values: Mapping[str, Any],
        units: Sequence[str],
        options: Sequence[str] = (),
    ) -> None:
        """Return if this plan may be applied now; a new one that may not is stored, and the error names it."""
        if plan.is_empty or not self._is_held(verdicts, plan):
            return
        if self.opened is not None:
            record = self.opened
            approval = self._approval_of(record) if self._key else self._by_digest(record)
        else:
            record = self.store(plan, verdicts, values, units, options)
            approval = self._carried(plan, record)
        self._authorise(plan, verdicts, record, approval)

    def begin(self, digest: str | None) -> None:
        """Forget what an earlier attempt stored; raise where the stored plan that is asked for can never be applied."""
        self.record = self.opened = None
        if digest is not None:
            self.plans.load(digest).refuse_for_run(_now())

    def open(self, digest: str, values: Mapping[str, Any], units: Sequence[str]) -> Plan:
        """The stored plan, its file in its place for Terraform; raises where anything it was made from changed."""
        record = self.plans.load(digest)
        record.refuse_changed(
            input_parts(self.engine, values, self.engine.state(), units, record.options, record.nonce)
        )
        file = self.plans.file(record)
        write_plan_file(self.engine.workdir.plan, file)
        plan = self.engine.read_plan()
        record.refuse_changed(plan_parts(changes_of(plan, self.engine.stack.root), file))
        self.record = self.opened = record
        return plan

    def store(
        self,
        plan: Plan,
        verdicts: Sequence[Verdict],
        values: Mapping[str, Any],
        units: Sequence[str],
        options: Sequence[str] = (),
        speculative: Sequence[str] = (),
        made_by: Engine | None = None,
    ) -> PlanRecord:
        """Keep a plan, readable by who may read the state; returns what is kept of it in clear.

        `speculative` names upstream stacks that are only planned, `made_by` is the engine of a root for planning only.
        """
        assert plan.file is not None
        stack, file, now, nonce = self.engine.stack, plan.file.read_bytes(), _now(), secrets.token_hex(16)
        changes = changes_of(plan, stack.root)
        parts = {
            **input_parts(made_by or self.engine, values, self.engine.state(), units, options, nonce),
            **plan_parts(changes, file),
        }
        record = PlanRecord(
            digest=digest_for(parts),
            parts=parts,
            stack=stack.name,
            units=tuple(units),
            full=tuple(units) == stack.root.names,
            options=tuple(options),
            nonce=nonce,
            created=now.isoformat(timespec="milliseconds"),
            expires=(now + timedelta(minutes=self.gates.plan_minutes)).isoformat(timespec="milliseconds"),
            requester=self._identity,
            run=self.engine.run,
            changes=changes,
            outputs=plan.outputs,
            verdicts=tuple(_data(verdict) for verdict in verdicts),
            speculative=tuple(speculative),
        )
        self.plans.save(record, file)
        self.plans.remove_expired(now)
        self.record = record
        return record

    def note_applied(self) -> None:
        """The stored plan, if it was one, was carried out."""
        if self.record is not None:
            self.plans.note_applied(self.record, self.engine.run)

    def _is_held(self, verdicts: Sequence[Verdict], plan: Plan) -> bool:
        hard = any(verdict.severity is not Severity.WARN for verdict in verdicts)
        return hard or (self.gates.every_change and bool(plan.changes))

    def _authorise(
        self, plan: Plan, verdicts: Sequence[Verdict], record: PlanRecord, approval: Approval | None
    ) -> None:
        covering = replace(approval, digest=record.digest) if approval else None
        authorise(
            verdicts,
            self.gates,
            covering,
            stack=record.stack,
            digest=record.digest,
            way=self._way_to_approve(record),
            changes=bool(plan.changes),
        )
        if approval is not None and approval.signature:
            spend(self.plans.store, approval, self.engine.run)

    def _way_to_approve(self, record: PlanRecord) -> str:
        """What people do so that the plan counts as approved."""
        digest = record.digest
        if record.destroys:
            again = "Destroying the stack again carries out exactly this plan"
            if self._key is None:
                return f"{again}, which approves it"
            return f"An approver runs `buildkit approve {digest}`. {again}"
        is_own = self.engine.stack.source is None
        applying = _applying_own(digest) if is_own else f"`buildkit apply --plan {digest}`"
        if self._key is None:
            return f"Applying exactly this plan counts as its approval: {applying}"
        approving = _approving_own(digest) if is_own else f"runs `buildkit approve {digest}`"
        return f"An approver {approving}; then apply exactly this plan: {applying}"

    def _carried(self, plan: Plan, record: PlanRecord) -> Approval | None:
        """The approval of a speculative plan of this stack that said the same."""
        for earlier in self.plans.open(_now()) if self._key else ():
            if earlier.speculative and earlier.units == record.units:
                different = differences(earlier, plan, self.engine.stack.root)
                approval = self._approval_of(earlier) if not different else None
                if approval is not None:
                    self.engine.tell(f"The approval of the speculative plan {earlier.digest} covers {record.digest}.")
                    return approval
                for line in different[:20]:
                    self.engine.tell(f"Not as in the speculative plan {earlier.digest}: {line}")
        return None

    def _by_digest(self, record: PlanRecord) -> Approval:
        return by_digest(record.digest, record.stack, record.requester, self._identity, _now())

    def _approval_of(self, record: PlanRecord) -> Approval | None:
        if self._key is None:
            return None
        return find_approval(
            self.plans.store,
            self._key,
            digest=record.digest,
            stack=record.stack,
            requester=record.requester,
            now=_now(),
            four_eyes=self.gates.four_eyes,
            run=self.engine.run,
        )

    @cached_property
    def _key(self) -> KmsKey | None:
        """The approval key; None where none is named, and for the stack that is still to make it. Raises
        ApprovalKeyMissing: without its key, applying a plan by its digest would count as the approval of an approver.
        """
        if not self.key:
            return None
        key = KmsKey(self.key, self.engine.cloud.client("kms"))
        if key.exists():
            return key
        if _makes_key(self.engine.stack):
            return None
        raise ApprovalKeyMissing(self.key)

    @property
    def _identity(self) -> str:
        """Who asks: the cloud's word for it where approvals are signed or the stack is in a cloud, else user@host."""
        stack = self.engine.stack
        is_aws = self.key is not None or stack.root.needs_aws or isinstance(stack.backend, S3Backend)
        return cloud_identity(self.engine.cloud) if is_aws else who()


def _makes_key(stack: TerraformStack) -> bool:
    """Whether a unit of the stack is the approval key."""
    return any(call.module == KEY_MODULE for call in (stack.source.calls if stack.source else ()))


def cloud_identity(cloud: Cloud) -> str:
    """The ARN of these credentials; raises IdentityUnknown."""
    try:
        return str(cloud.client("sts").get_caller_identity()["Arn"])
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise IdentityUnknown(str(error)) from None


def _approving_own(digest: str) -> str:
    """How a plan of a root written by hand is approved."""
    return f'calls `buildkit_dagster.approve_plan(STACK, "{digest}", terraform=RESOURCE)`, both as the assets have them'


def _applying_own(digest: str) -> str:
    """How exactly this plan of a root written by hand is applied."""
    return (
        "run the same selection with the run configuration "
        f'{{"ops": {{"OP": {{"config": {{"plan": "{digest}"}}}}}}}}, OP being the op of the stack'
    )


def _data(verdict: Verdict) -> dict[str, str]:
    return {
        "rule": verdict.rule,
        "severity": verdict.severity.value,
        "unit": verdict.unit,
        "address": verdict.address,
        "message": verdict.message,
    }


def _now() -> datetime:
    return datetime.now(UTC)
