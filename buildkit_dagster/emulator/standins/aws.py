"""`aws ecr get-login-password [--region REGION]`, and nothing else of the AWS CLI."""

from __future__ import annotations

import base64
import os
import sys

from buildkit_dagster.emulator.standins import client, refuse


def main(argv: list[str]) -> None:
    """Print the password of the emulator's registry."""
    match argv:
        case ["ecr", "get-login-password"]:
            region = os.environ["AWS_REGION"]
        case ["ecr", "get-login-password", "--region", region] | ["--region", region, "ecr", "get-login-password"]:
            pass
        case _:
            refuse("aws", f"does `ecr get-login-password [--region REGION]`, not `{' '.join(argv)}`")
    (token,) = client("aws", "ecr", region).get_authorization_token()["authorizationData"]
    print(base64.b64decode(token["authorizationToken"]).decode().partition(":")[2])


if __name__ == "__main__":
    main(sys.argv[1:])
