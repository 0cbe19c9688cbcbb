"""Approvals: who let a plan through, until when, and the proof of it.

An approval is a small JSON document beside the plan in the store, signed with a KMS key whose policy lets the approver
role alone sign. It is bound to one plan of one stack and one requester, ends, and counts once. Which plans need one is
`rules/gate.py`'s; what a plan is, `plan_record.py`'s.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Protocol

from buildkit_dagster.errors import (
    ApprovalBySelf,
    ApprovalExpired,
    ApprovalForged,
    ApprovalOfAnother,
    ApprovalUsed,
    NotAnApprover,
)
from buildkit_dagster.terraform.store import Store

ALGORITHM = "ECDSA_SHA_256"
#: The module that makes a platform's approval key.
KEY_MODULE = "approval_key"
#: Says what is signed, so that no other document signed with this key can pass for an approval.
_PURPOSE = "buildkit approval v1"


@dataclass(frozen=True)
class Approval:
    """`who` and `requester` are cloud identities (ARNs), `created` and `until` ISO 8601 in UTC, `key` the key's ARN.

    `signature` is base64 of what KMS made of `message`; empty where there is no key (`by_digest`).
    """

    digest: str
    stack: str
    requester: str
    who: str
    created: str
    until: str
    reason: str
    nonce: str
    key: str = ""
    signature: str = ""

    @property
    def message(self) -> bytes:
        """The canonical bytes that are signed: everything but the signature."""
        said = {name: value for name, value in asdict(self).items() if name != "signature"}
        return json.dumps({"purpose": _PURPOSE, **said}, sort_keys=True, separators=(",", ":")).encode()


class Verifier(Protocol):
    """A key that tells whether it signed something."""

    def verify(self, message: bytes, signature: bytes) -> bool: ...


class Signer(Protocol):
    """A key that signs for who may use it."""

    @property
    def arn(self) -> str: ...

    def sign(self, message: bytes, who: str) -> bytes: ...


class KmsKey:
    """The approval key of a platform, by id, ARN or alias; `kms` is a boto3 client."""

    def __init__(self, key: str, kms: Any) -> None:
        self._key, self._kms = key, kms

    @property
    def arn(self) -> str:
        return str(self._kms.get_public_key(KeyId=self._key)["KeyId"])

    def exists(self) -> bool:
        """Whether there is such a key."""
        try:
            return bool(self.arn)
        except self._kms.exceptions.NotFoundException:
            return False

    def sign(self, message: bytes, who: str) -> bytes:
        try:
            answer = self._kms.sign(KeyId=self._key, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)
        except self._kms.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("AccessDeniedException", "AccessDenied"):
                raise
            raise NotAnApprover(who, self._key, error.response["Error"]["Message"]) from None
        return bytes(answer["Signature"])

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            answer = self._kms.verify(
                KeyId=self._key,
                Message=message,
                MessageType="RAW",
                Signature=signature,
                SigningAlgorithm=ALGORITHM,
            )
        except self._kms.exceptions.KMSInvalidSignatureException:
            return False
        return bool(answer["SignatureValid"])


def by_digest(digest: str, stack: str, requester: str, who: str, now: datetime) -> Approval:
    """What applying a stored plan by its digest stands for where a stack has no approval key."""
    at = _iso(now)
    return Approval(digest, stack, requester, who, at, at, "applied by its digest", nonce="")


def approve(
    store: Store,
    signer: Signer,
    *,
    digest: str,
    stack: str,
    requester: str,
    who: str,
    now: datetime,
    until: datetime,
    reason: str = "",
    four_eyes: bool = False,
) -> Approval:
    """Sign and store an approval of one plan; raise `ApprovalBySelf`, `ApprovalUsed` or `NotAnApprover`."""
    if four_eyes and same_identity(who, requester):
        raise ApprovalBySelf(digest, who)
    used = store.get(_used(digest))
    if used is not None:
        raise ApprovalUsed(digest, used.decode())
    nonce = secrets.token_hex(16)
    draft = Approval(digest, stack, requester, who, _iso(now), _iso(until), reason, nonce=nonce, key=signer.arn)
    signature = base64.b64encode(signer.sign(draft.message, who)).decode()
    approval = Approval(**{**asdict(draft), "signature": signature})
    store.put(_name(digest), json.dumps(asdict(approval), indent=1).encode())
    return approval


def find_approval(
    store: Store,
    verifier: Verifier,
    *,
    digest: str,
    stack: str,
    requester: str,
    now: datetime,
    four_eyes: bool = False,
    run: str = "",
) -> Approval | None:
    """The approval of a plan, proven; None if nobody approved it.

    One that is there and does not count raises: `ApprovalForged`, `ApprovalOfAnother`, `ApprovalExpired`,
    `ApprovalBySelf`, or `ApprovalUsed` by another run than `run`.
    """
    body = store.get(_name(digest))
    if body is None:
        return None
    approval = _read(digest, body)
    if not verifier.verify(approval.message, _signature(approval)):
        raise ApprovalForged(digest, "its signature does not fit its text")
    _compare(approval, {"plan": digest, "stack": stack, "requester": requester})
    if now >= datetime.fromisoformat(approval.until):
        raise ApprovalExpired(digest, approval.who, approval.until)
    if four_eyes and same_identity(approval.who, requester):
        raise ApprovalBySelf(digest, approval.who)
    used = store.get(_used(digest))
    if used is not None and used.decode() != run:
        raise ApprovalUsed(digest, used.decode())
    return approval


def spend(store: Store, approval: Approval, run: str) -> None:
    """Use an approval up, right before the apply; a retry of the same run may use it again."""
    if store.put_new(_used(approval.digest), run.encode()):
        return
    used = (store.get(_used(approval.digest)) or b"").decode()
    if used != run:
        raise ApprovalUsed(approval.digest, used)


def same_identity(one: str, other: str) -> bool:
    """Whether two identities may be one person: the same ARN, or sessions of one name in whatever role.

    Single sign-on and `aws:username` conditions put the person's name into the session's, and a person who takes on
    the approver role keeps it.
    """
    return one == other or (_session(one) is not None and _session(one) == _session(other))


def _session(arn: str) -> str | None:
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.rpartition("/")[2] if kind in ("assumed-role", "user") else None


def _read(digest: str, body: bytes) -> Approval:
    names = {field.name for field in fields(Approval)}
    try:
        data = json.loads(body)
        if not isinstance(data, dict) or set(data) != names or not all(isinstance(v, str) for v in data.values()):
            raise ValueError
    except ValueError:
        raise ApprovalForged(digest, "it is not a document as approvals are") from None
    return Approval(**data)


def _signature(approval: Approval) -> bytes:
    try:
        return base64.b64decode(approval.signature, validate=True)
    except ValueError:
        raise ApprovalForged(approval.digest, "its signature is not base64") from None


def _compare(approval: Approval, expected: Mapping[str, str]) -> None:
    said = {"plan": approval.digest, "stack": approval.stack, "requester": approval.requester}
    for field, value in expected.items():
        if said[field] != value:
            raise ApprovalOfAnother(expected["plan"], field, said[field], value)


def _name(digest: str) -> str:
    return f"{digest}.approval.json"


def _used(digest: str) -> str:
    return f"{digest}.used"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
