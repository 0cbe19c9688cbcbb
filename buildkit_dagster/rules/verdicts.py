"""A verdict: what one rule says about one change of a plan.

Rules are the other files of this folder; what follows from verdicts (refuse, ask for approval, tell) is decided in
`gate.py`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
