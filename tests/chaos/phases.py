"""The moments of a run, as requests at the proxy: where a row strikes.

Each takes the proxy, which remembers what went before, and gives a predicate for the requests of that moment. Which
Terraform calls stand for which moment was read from a whole run; `scene.py` has what is done there.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.proxy import Proxy, Request

STATE, LOCK = "/terraform.tfstate", "/terraform.tfstate.tflock"
Picks = Callable[[Request], bool]
Phase = Callable[[Proxy], Picks]


def releases(proxy: Proxy) -> int:
    """How many of Terraform's commands have let go of the lock so far: plan is the first, apply the second."""
    gone = [request for request in proxy.requests if request.is_object("DELETE", LOCK) and request.status == 204]
    return sum(request.sender == "backend" for request in gone)


def init(_: Proxy) -> Picks:
    """Terraform's first request at all; the row has to make the stack forget that it is initialised."""
    return lambda request: request.sender == "backend"


def plan(_: Proxy) -> Picks:
    """The provider's first request: the plan holds the lock."""
    return lambda request: request.sender == "provider"


def before_apply(proxy: Proxy) -> Picks:
    """Our own first request after the plan has let go of the lock."""
    return lambda request: request.sender == "worker" and not request.path.endswith(LOCK) and releases(proxy) == 1


def mid_apply(_: Proxy) -> Picks:
    """The bucket is made, the role is being made."""
    return lambda request: request.action == "CreateRole"


def state_write(_: Proxy) -> Picks:
    """Everything is made and the state is being written."""
    return lambda request: request.is_object("PUT", STATE) and request.sender == "backend"


def after_apply(proxy: Proxy) -> Picks:
    """Terraform has ended, nothing is reported yet: our own first request after it."""
    return lambda request: request.sender == "worker" and request.is_object("GET", STATE) and releases(proxy) == 2


def apply_start(proxy: Proxy) -> Picks:
    """Terraform's first request of the apply, before it has the lock again."""
    return lambda request: request.sender == "backend" and releases(proxy) == 1
