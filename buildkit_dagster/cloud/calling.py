"""Calling a function or service of Google's over HTTP, in a thread: the answer of one call, or that there was none."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from google.auth.exceptions import GoogleAuthError


@dataclass(frozen=True)
class HttpAnswer:
    """Status and text of an answer; status 0 is none, and `text` why."""

    status: int
    text: str


class PendingCall:
    """A POST under way; `answer` is None until it has ended. It does not keep the process from ending."""

    def __init__(self, session: requests.Session, url: str, body: Mapping[str, Any], timeout: float) -> None:
        self.answer: HttpAnswer | None = None
        self._thread = threading.Thread(target=self._post, args=(session, url, body, timeout), daemon=True)
        self._thread.start()

    def _post(self, session: requests.Session, url: str, body: Mapping[str, Any], timeout: float) -> None:
        try:
            response = session.post(url, json=dict(body), timeout=(10.0, timeout))
            self.answer = HttpAnswer(response.status_code, response.text)
        except (requests.RequestException, GoogleAuthError) as error:
            self.answer = HttpAnswer(0, str(error) or type(error).__name__)
