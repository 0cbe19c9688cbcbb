"""What `buildkit approve` does: find the plan among the platform's stacks, take on the approver role, sign.

An approval itself is `terraform/approvals.py`. Nothing here uses Dagster but the list of stacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import botocore.exceptions

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import terraform_stacks
from buildkit_dagster.errors import ApprovalExpired, ApprovalKeyMissing, NoApprovers, NotAnApprover, NothingToApprove
from buildkit_dagster.stacks.gates import approval_key_of
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.approvals import Approval, KmsKey, approve
from buildkit_dagster.terraform.gatekeeper import cloud_identity
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plans import Plans

_MOST = 40


@dataclass
class Approving:
    """One approval in the making; raises `NoApprovers` where the environment has none."""

    platform: Platform
    process: ProcessEnvironment
    digest: str

    def __post_init__(self) -> None:
        if approval_key_of(self.platform) is None:
            raise NoApprovers(self.platform.environment, self.digest)

    def shown(self) -> Iterator[str]:
        """The plan as its approver should see it."""
        record = self._found[1]
        yield f"Plan {record.digest} of stack {record.stack} ({self.platform.environment})"
        yield f"asked for by {record.requester} at {record.created}, expires {record.expires}"
        resources = [change for change in record.changes if change.type != "output"]
        for change in sorted(resources, key=lambda one: ("delete" not in one.actions, one.address))[:_MOST]:
            yield f"  {'/'.join(change.actions)} {change.address}"
        if len(resources) > _MOST:
            yield f"  and {len(resources) - _MOST} more"
        for verdict in record.verdicts:
            yield f"  {verdict['severity']}: {verdict['address']}: {verdict['message']} [{verdict['rule']}]"

    def approve(self, *, minutes: int | None = None, until: datetime | None = None, reason: str = "") -> Approval:
        """Sign and store the approval."""
        plans, record = self._found
        now, gates = datetime.now(UTC), self.platform.config.gates
        wanted = minutes or gates.approval_minutes
        if until is not None:
            wanted = int((until.replace(tzinfo=UTC) - now).total_seconds() // 60)
            if wanted < 1:
                raise ApprovalExpired(record.digest, self._who, until.isoformat())
        return approve(
            plans.store,
            self._key,
            digest=record.digest,
            stack=record.stack,
            requester=record.requester,
            who=self._who,
            now=now,
            minutes=wanted,
            reason=reason,
            four_eyes=gates.four_eyes,
        )

    @cached_property
    def _key(self) -> KmsKey:
        name = self.platform.names.approval_alias()
        key = KmsKey(name, self._client("kms"))
        if not key.exists():
            raise ApprovalKeyMissing(name)
        return key

    @cached_property
    def _who(self) -> str:
        return cloud_identity(aws_for(self.platform, self.process))

    @cached_property
    def _client(self) -> Callable[[str], Any]:
        """Clients of the approver role: these credentials if they are its own (a workflow on GitHub), else taken on."""
        aws, name = aws_for(self.platform, self.process), self.platform.names.approver_role()
        if f":assumed-role/{name}/" in self._who:
            return aws.client
        session = re.sub(r"[^\w+=,.@-]", "-", self._who.rpartition("/")[2])[:64]
        try:
            return aws.as_role(Scope(self.platform).iam_arn(f"role/{name}"), session)
        except botocore.exceptions.ClientError as error:
            raise NotAnApprover(self._who, name, str(error)) from None

    @cached_property
    def _found(self) -> tuple[Plans, PlanRecord]:
        """The plan and where it lies; a speculative one too, whose approval carries over to the real one."""
        known: list[str] = []
        for stack in terraform_stacks(self.platform):
            plans = Plans(stack, self._client("s3"))
            record = plans.find(self.digest)
            if record is not None:
                replace(record, speculative=()).refuse_unusable(datetime.now(UTC))
                return plans, record
            known += plans.listed()
        raise NothingToApprove(self.digest, known)
