"""A function that is held at its first safe point while the folder in `GATE` has no file `go`; a test's handler.

`GATE_DEAF` makes it hear nothing there, as work does that is far from a safe point. `DIES_AT` is the number of the safe
point at which its process ends.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from buildkit_dagster.runtimes.entrypoints import lambda_handler


class HeldAtTheGate(lambda_handler.StopMark):
    """Tells that it has come to the gate and waits there."""

    _passed = 0

    def check(self) -> None:
        self._passed += 1
        if os.environ.get("DIES_AT") == str(self._passed):
            os._exit(9)
        if "GATE" in os.environ:
            gate = Path(os.environ["GATE"])
            (gate / "reached").touch()
            while not (gate / "go").exists():
                if "GATE_DEAF" not in os.environ:
                    super().check()
                time.sleep(0.1)
        super().check()


lambda_handler.StopMark = HeldAtTheGate  # type: ignore[misc]
handler = lambda_handler.handler


def each(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    """One call after the other in the same process, as in an instance that is kept warm."""
    return [lambda_handler.handler(one, context) for one in event["events"]]
