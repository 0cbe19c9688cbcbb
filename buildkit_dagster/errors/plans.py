"""Stored plans, the gates before them and their approvals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from buildkit_dagster.errors.base import ConfigError, TerraformError


def _approve(digest: str) -> str:
    return f"buildkit approve {digest} (with a root of your own: `approve_plan`)"


def _plan(stack: str) -> str:
    return f"buildkit plan --stack {stack} (with a root of your own: run it)"


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


class PolicyBroken(ConfigError):
    """A policy of the user's own is no valid Rego; no plan is judged with the others alone."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}. Correct the policy; no plan passes while it cannot be read")


class PoliciesMissing(ConfigError):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"there is no folder {folder} of policies; make it, or correct `gates.rego`")


class PlanRefused(TerraformError):
    """A gate denies the plan; it is kept, and nothing was applied. `verdicts` are texts, the denying ones."""

    def __init__(self, stack: str, digest: str, verdicts: Sequence[str]) -> None:
        self.digest = digest
        self.verdicts = tuple(verdicts)
        super().__init__(
            f"stack {stack!r}: plan {digest} is refused and nothing was applied:{_listed(verdicts)}\n"
            "Correct the configuration and plan again; which gates apply is `gates` of the environment in "
            "config/platform.yaml (of TerraformCliResource without a platform)"
        )


class ApprovalNeeded(TerraformError):
    """A gate asks for an approval of the plan, which is kept; nothing was applied."""

    def __init__(self, stack: str, digest: str, verdicts: Sequence[str], way: str) -> None:
        self.digest = digest
        self.verdicts = tuple(verdicts)
        why = _listed(verdicts) or " every change does"
        super().__init__(f"stack {stack!r}: plan {digest} needs an approval and nothing was applied:{why}\n{way}")


class ApprovalRefused(TerraformError):
    """An approval cannot be given, or does not count."""


class NoApprovers(ApprovalRefused):
    def __init__(self, environment: str, digest: str) -> None:
        super().__init__(
            f"environment {environment} names no approvers, so there is no key to sign with: applying exactly this "
            f"plan counts as its approval (`buildkit apply --plan {digest}`). For signed approvals say in "
            "config/platform.yaml who gives them (`approvers`), and apply the bootstrap stack"
        )


class ApprovalKeyMissing(ApprovalRefused):
    def __init__(self, key: str) -> None:
        super().__init__(
            f"there is no key {key} to sign with. A platform's is made by `buildkit launch bootstrap --wait`; with a "
            "root of your own correct `approval_key`"
        )


class NothingToApprove(ApprovalRefused):
    def __init__(self, digest: str, known: Sequence[str]) -> None:
        plans = ", ".join(known) or "none"
        super().__init__(f"there is no plan {digest} to approve; stored plans: {plans}")


class NotAnApprover(ApprovalRefused):
    """The key's policy does not let this identity sign."""

    def __init__(self, who: str, key: str, reason: str) -> None:
        super().__init__(
            f"{who} may not sign with {key}: {reason}. With a platform only the approver role may; who takes it on is "
            "`approvers` of the environment in config/platform.yaml. With a root of your own the key's policy says who"
        )


class ApprovalBySelf(ApprovalRefused):
    def __init__(self, digest: str, who: str) -> None:
        super().__init__(f"{who} asked for plan {digest} and cannot approve it (`four_eyes: true`); somebody else must")


class ApprovalForged(ApprovalRefused):
    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(
            f"the approval of plan {digest} is not genuine: {reason}. Nothing was applied; find out who wrote it, then "
            f"approve anew: {_approve(digest)}"
        )


class ApprovalOfAnother(ApprovalRefused):
    """A genuine approval that says something else than what is to be applied; `field` says where they differ."""

    def __init__(self, digest: str, field: str, approved: str, actual: str) -> None:
        super().__init__(
            f"the approval stored for plan {digest} is of another {field}: {approved}, not {actual}. Approve this plan "
            f"itself: {_approve(digest)}"
        )


class ApprovalExpired(ApprovalRefused):
    def __init__(self, digest: str, who: str, until: str) -> None:
        super().__init__(f"the approval of plan {digest} by {who} ended at {until}; renew it: {_approve(digest)}")


class ApprovalUsed(ApprovalRefused):
    def __init__(self, digest: str, by: str) -> None:
        super().__init__(
            f"the approval of plan {digest} was used already, by {by}; an approval counts once. Plan again, and have "
            "the new plan approved"
        )


class PlanNotFound(TerraformError):
    """No stored plan has this digest; `known` are texts, one for each stored plan."""

    def __init__(self, digest: str, known: Sequence[str]) -> None:
        stored = "".join(f"\n  {line}" for line in known) or " none"
        super().__init__(
            f"there is no stored plan {digest or repr(digest)}; stored plans:{stored}\nGive its whole digest or the "
            "first 8 signs of it, or plan again"
        )


class PlanDamaged(TerraformError):
    """The record of a stored plan is not what was stored; `place` is where it lies."""

    def __init__(self, digest: str, stack: str, place: str) -> None:
        super().__init__(
            f"plan {digest} of stack {stack!r} cannot be applied: its record {place} is damaged or was changed. "
            f"Delete that, and make a new plan: {_plan(stack)}"
        )


class PlanExpired(TerraformError):
    def __init__(self, digest: str, stack: str, expired: str) -> None:
        super().__init__(
            f"plan {digest} of stack {stack!r} expired at {expired}; nothing was applied. Make a new one: "
            f"{_plan(stack)}. How long plans live is `gates.plan_minutes`"
        )


class PlanApplied(TerraformError):
    """A plan is applied once."""

    def __init__(self, digest: str, stack: str, run: str) -> None:
        super().__init__(
            f"plan {digest} of stack {stack!r} was applied already, by run {run}. Make a new one: {_plan(stack)}"
        )


class PlanSpeculative(TerraformError):
    """A plan that counts on what is only planned itself: `upstream` names stacks, or the bucket of the state."""

    def __init__(self, digest: str, stack: str, upstream: Sequence[str]) -> None:
        first = " and ".join(upstream)
        super().__init__(
            f"plan {digest} of stack {stack!r} is speculative: it counts on {first}, which is only planned, and cannot "
            f"be applied. Once {first} is there, run stack {stack!r}: what it plans then is covered by the approval of "
            "this plan where it says the same"
        )


class PlanDestroys(TerraformError):
    """A plan to destroy is no run's: assets are not materialized by it."""

    def __init__(self, digest: str, stack: str) -> None:
        super().__init__(
            f"plan {digest} destroys stack {stack!r}, so no run applies it; nothing was applied. Destroying the stack "
            f"carries it out: buildkit destroy --stack {stack}"
        )


class PlanChanged(TerraformError):
    """What the plan was made from changed; `parts` are those of its digest that differ."""

    def __init__(self, digest: str, stack: str, parts: Sequence[str]) -> None:
        self.parts = tuple(parts)
        super().__init__(
            f"plan {digest} of stack {stack!r} cannot be applied: since it was made, these changed: "
            f"{', '.join(parts)}. Nothing was applied. Undo that, or make a new plan: {_plan(stack)}"
        )


class NotPlannable(TerraformError):
    """Outputs of `upstream` are not known before it is applied, and this root cannot be planned without them."""

    def __init__(self, stack: str, upstream: Sequence[str], reason: str) -> None:
        first = " and ".join(upstream)
        super().__init__(
            f"stack {stack!r} takes outputs of {first} that only the apply of {first} will tell, and {reason}. Apply "
            f"{first} first, then plan {stack!r}"
        )
