"""KMS: who may sign is decided by the key's policy, as in AWS.

moto looks at no key policy. Identity policies are not evaluated here: where a key's policy leaves the decision to the
account's IAM (its `root` principal), everybody of the account may.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from moto.kms.models import Key
from moto.kms.responses import KmsResponse
from moto.sts.models import sts_backends

from buildkit_dagster.emulator.actions import Refused, replace
from buildkit_dagster.rules.conditions import hold
from buildkit_dagster.rules.statements import Statement, statements

SIGN = "kms:Sign"


def install() -> None:
    """Refuse a Sign that the key's policy does not allow; answer GetPublicKey with the key's ARN."""
    moto_sign, moto_public_key = KmsResponse.sign, KmsResponse.get_public_key

    def sign(self: KmsResponse) -> str:
        key = _key(self)
        caller = _caller(self)
        if not may_sign(key, caller):
            raise Refused("AccessDeniedException", _message(caller, key))
        return moto_sign(self)

    def get_public_key(self: KmsResponse) -> str:
        key = _key(self)
        return json.dumps({**json.loads(moto_public_key(self)), "KeyId": key.arn})

    replace(KmsResponse, sign, get_public_key)


def may_sign(key: Key, caller: str) -> bool:
    """Whether the policy of a key lets an identity (`sts get-caller-identity`'s ARN) sign: a Deny wins."""
    effects = {statement.effect for statement in statements(key.policy) if _applies(statement, caller)}
    return effects == {"Allow"}


def _applies(statement: Statement, caller: str) -> bool:
    account = caller.split(":")[4]
    context = {"aws:principalarn": [_principal(caller)], "aws:principalaccount": [account]}
    return statement.covers(SIGN) and _named(statement, caller) and hold(statement.conditions, context)


def _named(statement: Statement, caller: str) -> bool:
    if statement.not_principals is not None:
        return not _among(statement.not_principals, caller)
    return _among(statement.principals or {}, caller)


def _among(principals: Mapping[str, tuple[str, ...]], caller: str) -> bool:
    account = caller.split(":")[4]
    names = {*principals.get("*", ()), *principals.get("AWS", ())}
    return bool(names & {"*", account, f"arn:aws:iam::{account}:root", _principal(caller), caller})


def _principal(caller: str) -> str:
    """The role behind a session, else the identity itself."""
    head, _, name = caller.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{name.rpartition('/')[0]}" if name else caller


def _key(response: KmsResponse) -> Key:
    """The key that is asked for; moto's NotFoundException where there is none."""
    key_id = response._get_param("KeyId")
    response._validate_key_id(key_id)
    return response.kms_backend.describe_key(key_id)


def _caller(response: KmsResponse) -> str:
    backend = sts_backends[response.current_account][response.partition]
    return str(backend.get_caller_identity(response.get_access_key(), response.region)[1])


def _message(caller: str, key: Key) -> str:
    return f"User: {caller} is not authorized to perform: {SIGN} on resource: {key.arn} by its key policy"
