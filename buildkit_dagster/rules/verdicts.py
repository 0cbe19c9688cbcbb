"""A verdict: what one rule says about one change of a plan.

Rules are the other files of this folder; what follows from verdicts (refuse, ask for approval, tell) is decided in
`gate.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from buildkit_dagster.terraform.plan import ResourceChange


class Severity(enum.Enum):
    """What a verdict asks for, the hardest first."""

    DENY = "deny"
    APPROVE = "approve"
    WARN = "warn"


@dataclass(frozen=True)
class Verdict:
    """One finding. `rule` is `<family>/<name>` (`policy/public-bucket`, `tags/required`, `protected/delete`);
    `message` names the culprit, what is allowed and the fix, and holds no sensitive value."""

    rule: str
    severity: Severity
    unit: str
    address: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity.value}: {self.address}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Finding:
    """What a rule found, before the gates say how hard that is."""

    rule: str
    unit: str
    address: str
    message: str

    def verdict(self, severity: Severity) -> Verdict:
        return Verdict(self.rule, severity, self.unit, self.address, self.message)


def found(rule: str, change: ResourceChange, message: str) -> Finding:
    return Finding(rule, change.unit, change.address, message)
