"""`buildkit resources KEY=VALUE...`: what carries these tags, in AWS and in Google Cloud."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.commands.common import EnvironmentOption, Opened, open_platform, out
from buildkit_dagster.errors import GoogleProjectMissing, TagMalformed
from buildkit_dagster.tags.resources import Resource, Where, aws_resources, google_resources


def run(
    tags: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="Tags as the configuration writes them.")],
    cloud: Annotated[
        Where, typer.Option(help="Where to look; all: Google only where a project is configured.")
    ] = "all",
    json: Annotated[bool, typer.Option("--json", help="Print the resources as JSON.")] = False,
    env: EnvironmentOption = None,
) -> None:
    """List everything that carries all of these tags: type, name, region, and whose it is."""
    wanted = dict(_pair(tag) for tag in tags)
    found = list(_found(open_platform(env), wanted, cloud))
    if json:
        out.print(json_text.dumps([asdict(each) for each in found], indent=2))
        return
    for line in _lines(found):
        out.print(line)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise TagMalformed(text)
    return key, value


def _found(opened: Opened, tags: dict[str, str], cloud: Where) -> Iterable[Resource]:
    platform = opened.platform
    if cloud != "gcp":
        yield from aws_resources(aws_for(platform, opened.process).client("resourcegroupstaggingapi"), tags)
    gcp = platform.config.gcp
    if gcp is None and cloud == "gcp":
        raise GoogleProjectMissing(platform.environment)
    if gcp is not None and cloud != "aws":
        from buildkit_dagster.cloud.gcp import gcp_for  # Google's libraries take a second to import

        yield from google_resources(gcp_for(platform, opened.process).client("cloudasset"), gcp.project, tags)


def _lines(found: list[Resource]) -> list[str]:
    if not found:
        return ["nothing carries these tags"]
    return ["  ".join(filter(None, (each.type, each.name, each.region, each.asset))) for each in found]
