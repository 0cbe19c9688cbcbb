"""How often a cloud's services are asked how far the work is, and how long Google's are waited for."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds between two looks at a build or a call in AWS, by the platform's cloud.
AWS_INTERVALS = {"emulator": 0.25, "aws": 2.0}


@dataclass(frozen=True)
class Pace:
    """Google's, in seconds.

    `interval` between two looks at a log: a project may list entries 60 times a minute, for all of its jobs
    (https://cloud.google.com/logging/quotas). `settle` is how long lines may come after the work's end, `pause` how
    long is waited before a start is tried again, doubled each time. A function's lease is over `lease` after it was
    last renewed.
    """

    interval: float = 3.0
    settle: float = 5.0
    pause: float = 5.0
    lease: float = 60.0


#: Google itself, and what stands for it on this machine: nothing there lags or has a quota.
GOOGLE = Pace()
EMULATED = Pace(interval=0.3, settle=0.0, pause=0.2, lease=15.0)
