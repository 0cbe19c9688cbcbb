"""Which values are secret by the name they stand under, and JSON with such values masked.

Names are data: what ends a name that carries a secret, what may follow without changing that, what makes it a statement
about a secret instead. Values that are secret by mark (schema, state, variable) are known to `plan.py` and `state.py`;
finding a secret's text elsewhere is `redaction.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

#: What stands where a secret was, in text; and in a model.
MARK, SENSITIVE = "(sensitive)", object()


def words(text: str) -> frozenset[str]:
    """A set of words written in one text."""
    return frozenset(text.split())


#: The word such a name ends in.
WORDS = words(
    "password passwd passphrase secret secrets token tokens credential credentials jwt psk dsn cookie "
    "apikey authtoken privatekey secretkey accesskey connectionstring userdata pgpassword"
)
#: The same for words that alone mean something else: PWD is a folder, a pass may be open.
WORDS_IN_COMPANY = frozenset({"pwd", "pass"})
#: The two words such a name ends in.
PAIRS = frozenset(
    tuple(pair.split("_"))
    for pair in words(
        "api_key private_key access_key secret_key signing_key account_key shared_key preshared_key session_key "
        "service_key license_key storage_key auth_key connection_string conn_str connection_url connection_uri "
        "database_url database_uri db_url db_uri redis_url mongo_url mongodb_uri postgres_url webhook_url user_data"
    )
)
#: Words after these that leave the name as secret as it was.
TRAILERS = words(
    "value values string binary base64 b64 pem openssh pkcs8 der plaintext text raw wo current previous old new "
    "primary secondary json"
)
#: Words that make a name a statement about a secret (`max_tokens`, `manage_master_user_password`).
STATEMENTS = words(
    "max min num number count has is use enable enabled disable require required manage rotate create generate "
    "skip allow ignore validate"
)
#: Values that only say where a secret lies.
_REFERENCE = re.compile(
    r"arn:[\w-]+:|projects/[^/]+/secrets/|\{\{resolve:|(?:ssm|secretsmanager|vault|alias)[:/]|"
    r"(?:~?/|\.{1,2}/)[\w.\-/]+\.\w{1,5}$"
)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+")


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether what stands under this name (attribute, variable, environment, tag) is secret: `DB_PASSWORD`,
    `privateKeyPem`, `user_data`; not `secret_arn`, `token_ttl`, `password_policy`."""
    parts = [word.lower() for word in _WORD.findall(name)]
    if not parts or parts[0] in STATEMENTS:
        return False
    while parts:
        last = parts[-1].rstrip("0123456789") or parts[-1]
        if last in WORDS or (len(parts) > 1 and last in WORDS_IN_COMPANY) or (*parts[-2:-1], last) in PAIRS:
            return True
        if parts[-1] not in TRAILERS and not re.fullmatch(r"v?\d+", parts[-1]):
            return False
        parts.pop()
    return False


def is_reference(value: Any) -> bool:
    """Whether a value says where a secret lies and is none itself: an ARN, a parameter, a file."""
    return isinstance(value, str) and _REFERENCE.match(value) is not None


def masked(value: Any, name: str = "") -> Any:
    """JSON with what is secret by name replaced by `MARK`; texts that hold JSON are looked into as well."""
    if name and is_secret_name(name):
        return _hidden(value)
    if isinstance(value, Mapping):
        if _is_secret_pair(value):
            return {**value, "value": _hidden(value["value"])}
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return _masked_text(value) if isinstance(value, str) else value


def named_secrets(value: Any, name: str = "", also: frozenset[str] = frozenset()) -> list[Any]:
    """What `masked` would mask, and what stands under the names in `also`."""
    if name and (is_secret_name(name) or name in also):
        return [] if _hidden(value) is value else [value]
    if isinstance(value, Mapping):
        if _is_secret_pair(value):
            return [] if _hidden(value["value"]) is value["value"] else [value["value"]]
        return [found for key, inner in value.items() for found in named_secrets(inner, str(key), also)]
    if isinstance(value, list):
        return [found for inner in value for found in named_secrets(inner, also=also)]
    inner = _json_in(value) if isinstance(value, str) else None
    return [] if inner is None else named_secrets(inner, also=also)


def _is_secret_pair(value: Mapping[str, Any]) -> bool:
    """`{name: DB_PASSWORD, value: ...}`, as containers and builds have their environment."""
    name = value.get("name") or value.get("key")
    kind = value.get("type")
    stored = kind in ("SECRETS_MANAGER", "PARAMETER_STORE")
    return isinstance(name, str) and "value" in value and not stored and is_secret_name(name)


def _hidden(value: Any) -> Any:
    """`MARK`, or the value itself where it cannot be the secret."""
    if value is None or isinstance(value, bool) or value in ("", [], {}) or is_reference(value):
        return value
    if isinstance(value, list) and all(is_reference(item) or _refers(item) for item in value):
        return value
    return MARK


def _refers(item: Any) -> bool:
    """`{name: ..., valueFrom: <ARN or parameter>}`: how containers are told where their secrets lie."""
    return isinstance(item, Mapping) and ("valueFrom" in item or "value_from" in item) and "value" not in item


def _masked_text(text: str) -> str:
    inner = _json_in(text)
    if inner is None:
        return text
    changed = masked(inner)
    return text if changed == inner else json.dumps(changed)


def _json_in(text: str) -> Any:
    """The object or list a text holds as JSON, None where it holds none."""
    if text[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, (dict, list)) else None
