"""Answers that are errors: Google's JSON for them, and errors that a test orders in advance."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

#: HTTP status of each of Google's codes, https://cloud.google.com/apis/design/errors.
STATUSES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
}


class Refused(Exception):
    """An answer that is an error; `code` where it is not that of `status`."""

    def __init__(self, status: str, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code or STATUSES[status]

    def body(self) -> dict[str, Any]:
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.status,
            "domain": "googleapis.com",
        }
        error = {"code": self.code, "message": self.message, "status": self.status, "details": [reason]}
        return {"error": error}


@dataclass
class Faults:
    """What tests order: the next calls of a method fail. `calls` counts all there were, by the method's id."""

    calls: Counter[str] = field(default_factory=Counter)
    _ordered: list[tuple[str, Refused, bool]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, method: str, status: str, message: str, times: int = 1, *, done: bool = False) -> None:
        """The next `times` calls of `method` are refused; with `done`, after they were carried out."""
        with self._lock:
            self._ordered += [(method, Refused(status, message), done)] * times

    def clear(self) -> None:
        with self._lock:
            self._ordered.clear()

    def next(self, method: str) -> tuple[Refused, bool] | None:
        """The order for this call, if there is one."""
        with self._lock:
            self.calls[method] += 1
            found = next((item for item in self._ordered if item[0] == method), None)
            if found:
                self._ordered.remove(found)
            return found[1:] if found else None
