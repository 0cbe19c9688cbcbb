"""IAM: AWS's own managed policies exist, so that roles can have them attached.

moto has them and loads them on request only; they are read when the first call to IAM comes.
"""

from __future__ import annotations

from moto.core.config import default_user_config


def install() -> None:
    """Let moto load the policies."""
    default_user_config["iam"]["load_aws_managed_policies"] = True
