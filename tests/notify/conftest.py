"""Secrets as channels are configured with, in the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture
def secret(boto: Callable[[str], Any]) -> Callable[[object], str]:
    """Stores a secret under a name of its own; returns the name."""

    def store(value: object) -> str:
        name = f"notify/{uuid4().hex}"
        text = value if isinstance(value, str) else json.dumps(value)
        boto("secretsmanager").create_secret(Name=name, SecretString=text)
        return name

    return store
