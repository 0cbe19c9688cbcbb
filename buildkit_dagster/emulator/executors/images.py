"""Whether the image that a build or task names exists, where the emulator can know: in its own registry.

Other registries are not asked. What an image holds plays no part: commands run on this machine.
"""

from __future__ import annotations

import re

from botocore.exceptions import BotoCoreError, ClientError

from buildkit_dagster.emulator.executors.world import World

_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[^.]+)\.amazonaws\.com/"
    r"(?P<name>[^:@]+)(?::(?P<tag>[^:@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def missing(world: World, account: str, image: str) -> str | None:
    """Why the image could not be pulled, None when it could or is somebody else's."""
    found = _ECR.fullmatch(image)
    if not found or found["account"] != account:
        return None
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        world.client("ecr", found["region"]).describe_images(repositoryName=found["name"], imageIds=[wanted])
    except (ClientError, BotoCoreError) as error:
        return f"CannotPullContainerError: {image}: {error}"
    return None
