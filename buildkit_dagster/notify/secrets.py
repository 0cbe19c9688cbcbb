"""The formats of the secrets that channels are configured with, as people store them in Secrets Manager.

A secret is read at the moment something is sent and kept nowhere. What is wrong with one is said without quoting it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.values import is_web_url
from buildkit_dagster.errors import SecretMalformed

#: Text of the secret with this name.
Fetch = Callable[[str], str]


@dataclass(frozen=True)
class Slack:
    """A bot's token, or the URL of an incoming webhook; one of them is empty."""

    token: str = field(default="", repr=False)
    url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Smtp:
    """A mail server; `security` is how the connection is encrypted."""

    host: str
    sender: str
    port: int
    security: Literal["starttls", "ssl", "insecure"]
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def fetch_from(secretsmanager: Callable[[], Any]) -> Fetch:
    """Reads secrets with the client that `secretsmanager` makes; raises CloudRefused or CloudUnavailable."""

    def fetch(name: str) -> str:
        with told_as_ours():
            found = secretsmanager().get_secret_value(SecretId=name)
        if "SecretString" not in found:
            raise SecretMalformed(name, "text")
        return str(found["SecretString"])

    return fetch


def slack_secret(name: str, text: str) -> Slack:
    """`{"token": "xoxb-..."}`, `{"url": "https://hooks.slack.com/..."}`, or either of them as it is."""
    expected = '{"token": "xoxb-..."} or {"url": "https://hooks.slack.com/..."}'
    data = _mapping(name, text, expected)
    token, url = (data.get("token"), data.get("url")) if data is not None else _token_or_url(text.strip())
    if _is_url(url):
        return Slack(url=str(url))
    if isinstance(token, str) and token.startswith("xox"):
        return Slack(token=token)
    raise SecretMalformed(name, expected)


def webhook_url(name: str, text: str) -> str:
    """`{"webhook_url": "https://..."}`, `{"url": "https://..."}`, or the URL as it is."""
    expected = '{"webhook_url": "https://..."} or the URL alone'
    data = _mapping(name, text, expected)
    url = text.strip() if data is None else data.get("webhook_url") or data.get("url")
    if not _is_url(url):
        raise SecretMalformed(name, expected)
    return str(url)


def pager_key(name: str, text: str) -> str:
    """`{"key": "..."}`, or the integration's key as it is."""
    expected = '{"key": "..."} or the key alone'
    data = _mapping(name, text, expected)
    key = text.strip() if data is None else data.get("key")
    if not isinstance(key, str) or not key or key.split() != [key]:
        raise SecretMalformed(name, expected)
    return key


def smtp_secret(name: str, text: str) -> Smtp:
    """`{"host": ..., "from": ..., "port": 587, "user": ..., "password": ..., "security": "starttls"}`."""
    expected = '{"host": "...", "from": "...", "port": 587, "user": "...", "password": "...", "security": "starttls"}'
    data = _mapping(name, text, expected) or {}
    host, sender, port = data.get("host"), data.get("from"), data.get("port", 587)
    security = data.get("security", "ssl" if port == 465 else "starttls")
    texts = (host, sender, data.get("user", ""), data.get("password", ""))
    whole = all(isinstance(value, str) for value in texts) and host and sender and type(port) is int
    if not whole or security not in ("starttls", "ssl", "insecure"):
        raise SecretMalformed(name, expected)
    return Smtp(str(host), str(sender), port, security, data.get("user", ""), data.get("password", ""))


def _mapping(name: str, text: str, expected: str) -> Mapping[str, Any] | None:
    """A JSON object; None for text that does not try to be one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found: Mapping[str, Any] = json.loads(text)
    except ValueError:
        raise SecretMalformed(name, expected) from None
    return found


def _token_or_url(text: str) -> tuple[str, str]:
    return ("", text) if _is_url(text) else (text, "")


def _is_url(value: object) -> bool:
    return isinstance(value, str) and is_web_url(value)
