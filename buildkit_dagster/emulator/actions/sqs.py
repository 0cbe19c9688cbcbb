"""SQS queue attributes as AWS returns them: the redrive policy as compact JSON, the redrive allow policy at all.

Terraform compares these texts; with moto's spaces every plan would show a change. Messages stay with moto.
"""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.models import Queue


def install() -> None:
    """Complete the attributes moto returns."""
    moto_attributes = vars(Queue)["attributes"].fget

    def attributes(self: Queue) -> dict[str, Any]:
        found = moto_attributes(self)
        if self.redrive_policy:
            found["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        if allowed := getattr(self, "redrive_allow_policy", None):
            found["RedriveAllowPolicy"] = allowed
        return found

    setattr(Queue, attributes.__name__, property(attributes))
