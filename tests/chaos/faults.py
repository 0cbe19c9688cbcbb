"""What the proxy can do to a request: the deeds of `proxy.Rule`, from an error answer to a clock that is wrong.

Which requests they are done to is in `phases.py`.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.chaos.phases import LOCK, Phase, Picks
from tests.chaos.proxy import Answer, Deed, Proxy, Request

HOUR = timedelta(hours=1)
#: What S3 tolerates between its clock and the request's.
_TOLERANCE = timedelta(minutes=15)


def internal_error(_: Proxy, request: Request) -> Answer:
    return request.error(500, "InternalError", "We encountered an internal error. Please try again.")


def silence(_: Proxy, __: Request) -> None:
    """No answer, and after a while no connection."""
    time.sleep(1.5)


def refusal(proxy: Proxy, _: Request) -> None:
    """From now on nobody listens."""
    proxy.refuse()


def expired_token(_: Proxy, request: Request) -> Answer:
    status = 403 if request.action else 400
    return request.error(status, "ExpiredToken", "The security token included in the request is expired")


def loss_of_the_answer(proxy: Proxy, request: Request) -> None:
    """AWS does what it was asked; nobody hears of it."""
    proxy.forward(request)


def loss_of_the_request(_: Proxy, __: Request) -> None:
    """AWS never hears of it."""


def from_then_on(phase: Phase, proxy: Proxy, concerned: Picks) -> Picks:
    """Requests that are concerned, from the first one of this phase on."""
    begins, begun = phase(proxy), []

    def picks(request: Request) -> bool:
        if not begun and begins(request):
            begun.append(request)
        return bool(begun) and concerned(request)

    return picks


def wrong_clock(offset: timedelta) -> tuple[Picks, Deed]:
    """S3 as it looks from a machine whose clock is off: it refuses what is signed at another time than its own."""

    def now() -> datetime:
        return datetime.now(UTC) + offset

    def is_skewed(request: Request) -> bool:
        signed = request.headers.get("x-amz-date", "")
        if request.action or not signed:
            return False
        when = datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return abs(when - now()) > _TOLERANCE

    def refuse(_: Proxy, request: Request) -> Answer:
        text = "The difference between the request time and the current time is too large."
        date = ("Date", format_datetime(now(), usegmt=True))
        return replace(request.error(403, "RequestTimeTooSkewed", text), headers=(date,))

    return is_skewed, refuse


def lock_of_another_clock(offset: timedelta) -> Deed:
    """The lock is stamped by a clock that is off from the one our journal is written by."""

    def deed(proxy: Proxy, request: Request) -> Answer:
        info = json.loads(request.body)
        created = datetime.fromisoformat(info["Created"].replace("Z", "+00:00")) + offset
        request.body = json.dumps({**info, "Created": created.isoformat().replace("+00:00", "Z")}).encode()
        for name in [name for name in request.headers if name.startswith(("x-amz-checksum", "content-md5"))]:
            del request.headers[name]
        request.headers["content-length"] = str(len(request.body))
        return proxy.forward(request)

    return deed


def takes_lock(request: Request) -> bool:
    return request.is_object("PUT", LOCK) and request.sender == "backend"


def gives_lock_back(request: Request) -> bool:
    return request.is_object("DELETE", LOCK) and request.sender == "backend"


def is_backend(request: Request) -> bool:
    """Whether the state's store is asked, by Terraform or by us."""
    return request.path.startswith("/chaos-state") or request.sender == "backend"


def anything(_: Request) -> bool:
    return True
