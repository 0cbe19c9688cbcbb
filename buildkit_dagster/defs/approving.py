"""Approving a stored plan, for `buildkit approve` and, with a root of one's own, for `approve_plan`.

Both find the plan among stacks and sign as who may: with a platform, as the approver role, which is taken on. An
approval itself is `terraform/approvals.py`, who counts as whom there too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import botocore.exceptions

from buildkit_dagster.cloud.aws import Aws, aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.gates import Gates
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.infra import terraform_stacks
from buildkit_dagster.defs.terraform.resource import TerraformCliResource
from buildkit_dagster.errors import (
    ApprovalExpired,
    ApprovalKeyMissing,
    InvalidRoot,
    NoApprovers,
    NotAnApprover,
    NothingToApprove,
)
from buildkit_dagster.stacks.gates import approval_key_of
from buildkit_dagster.stacks.scope import Scope
from buildkit_dagster.terraform.approvals import Approval, KmsKey, approve
from buildkit_dagster.terraform.engine import Cloud
from buildkit_dagster.terraform.gatekeeper import cloud_identity
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.stack import TerraformStack

_MOST = 40


@dataclass
class Approving:
    """One approval in the making: of the plan with this digest among `stacks`, signed with the KMS key `key`.

    `cloud` says who approves; `client` makes the clients that read the plan and sign.
    """

    stacks: Sequence[TerraformStack]
    digest: str
    gates: Gates
    key: str
    cloud: Cloud
    client: Callable[[str], Any]

    def shown(self, environment: str) -> Iterator[str]:
        """The plan as its approver should see it."""
        record = self._found[1]
        yield f"Plan {record.digest} of stack {record.stack} ({environment})"
        yield f"asked for by {record.requester} at {record.created}, expires {record.expires}"
        resources = [change for change in record.changes if change.type != "output"]
        for change in sorted(resources, key=lambda one: ("delete" not in one.actions, one.address))[:_MOST]:
            yield f"  {'/'.join(change.actions)} {change.address}"
        if len(resources) > _MOST:
            yield f"  and {len(resources) - _MOST} more"
        for verdict in record.verdicts:
            yield f"  {verdict['severity']}: {verdict['address']}: {verdict['message']} [{verdict['rule']}]"

    def approve(self, *, minutes: int | None = None, until: datetime | None = None, reason: str = "") -> Approval:
        """Sign and store the approval; `until` is a time in UTC."""
        plans, record = self._found
        now, who = datetime.now(UTC), cloud_identity(self.cloud)
        if until is None:
            ends = now + timedelta(minutes=minutes or self.gates.approval_minutes)
        else:
            ends = until.replace(tzinfo=UTC)
        if ends <= now:
            raise ApprovalExpired(record.digest, who, ends.isoformat())
        key = KmsKey(self.key, self.client("kms"))
        if not key.exists():
            raise ApprovalKeyMissing(self.key)
        return approve(
            plans.store,
            key,
            digest=record.digest,
            stack=record.stack,
            requester=record.requester,
            who=who,
            now=now,
            until=ends,
            reason=reason,
            four_eyes=self.gates.four_eyes,
        )

    @cached_property
    def _found(self) -> tuple[Plans, PlanRecord]:
        """The plan and where it lies; a speculative one too, whose approval carries over to the real one."""
        known: list[str] = []
        for stack in self.stacks:
            plans = Plans(stack, self.client("s3"))
            record = plans.find(self.digest)
            if record is not None:
                replace(record, speculative=()).refuse_unusable(datetime.now(UTC))
                return plans, record
            known += plans.listed()
        raise NothingToApprove(self.digest, known)


def approve_plan(
    stack: TerraformStack,
    digest: str,
    *,
    terraform: TerraformCliResource,
    minutes: int | None = None,
    until: datetime | None = None,
    reason: str = "",
) -> Approval:
    """Approve a stored plan of a Terraform root, signed with the key of `terraform` and the credentials it finds.

    Args:
        stack: the root whose assets `@terraform_assets` defines.
        digest: the plan's, or its first 8 characters or more.
        terraform: the resource the assets are run with, for its account, gates and `approval_key`.
        minutes: how long it counts; `Gates(approval_minutes=...)` by default.
        until: instead of `minutes`, until when, in UTC.
        reason: why; kept with the approval.

    Raises ApprovalRefused where it cannot be given: no such plan, no such key, credentials that may not sign, or
    with `Gates(four_eyes=True)` those of who asked for the plan.
    """
    gatekeeper = terraform.gatekeeper(terraform.engine(stack))
    if gatekeeper.key is None:
        raise InvalidRoot("approve_plan", "needs TerraformCliResource(approval_key=...), the key to sign with")
    cloud = gatekeeper.engine.cloud
    approving = Approving((stack,), digest, gatekeeper.gates, gatekeeper.key, cloud, cloud.client)
    return approving.approve(minutes=minutes, until=until, reason=reason)


def approving_of(platform: Platform, process: ProcessEnvironment, digest: str) -> Approving:
    """An approval of a platform's plan; raises `NoApprovers` where the environment has none."""
    key, aws = approval_key_of(platform), aws_for(platform, process)
    if key is None:
        raise NoApprovers(platform.environment, digest)

    @cache
    def approver() -> Callable[[str], Any]:
        return _approver(platform, aws)

    return Approving(
        terraform_stacks(platform), digest, platform.config.gates, key, aws, lambda service: approver()(service)
    )


def _approver(platform: Platform, aws: Aws) -> Callable[[str], Any]:
    """Clients of the approver role: these credentials if they are its own (a workflow on GitHub), else taken on."""
    who, name = cloud_identity(aws), platform.names.approver_role()
    if f":assumed-role/{name}/" in who:
        return aws.client
    session = re.sub(r"[^\w+=,.@-]", "-", who.rpartition("/")[2])[:64]
    try:
        return aws.as_role(Scope(platform).iam_arn(f"role/{name}"), session)
    except botocore.exceptions.ClientError as error:
        raise NotAnApprover(who, name, str(error)) from None
