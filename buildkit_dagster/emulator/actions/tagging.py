"""The Resource Groups Tagging API for what moto leaves out: CodeConnections, and rules of security groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.ec2.models import ec2_backends
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from buildkit_dagster.emulator.actions import replace
from buildkit_dagster.emulator.actions.codeconnections import CodeConnections


def install(connections: CodeConnections) -> None:
    """Let `GetResources` find them by tag and by type."""
    moto_resources = ResourceGroupsTaggingAPIBackend._get_resources_generator

    def _get_resources_generator(
        self: ResourceGroupsTaggingAPIBackend,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from moto_resources(self, tag_filters, resource_type_filters, resource_arn_list)
        carries = make_tag_matcher(tag_filters)
        for resource in (*_connections(self, connections), *_rules(self)):
            listed = not resource_arn_list or resource.arn in resource_arn_list
            if listed and match_resource_type(resource.resource_type, resource_type_filters) and carries(resource.tags):
                yield resource

    replace(ResourceGroupsTaggingAPIBackend, _get_resources_generator)


def _connections(backend: ResourceGroupsTaggingAPIBackend, connections: CodeConnections) -> Iterator[TaggedResource]:
    for arn, tags in connections.tagged():
        _, _, service, region, account, _ = arn.split(":", 5)
        if tags and (region, account) == (backend.region_name, backend.account_id):
            yield TaggedResource(arn, tags, f"{service}:connection")


def _rules(backend: ResourceGroupsTaggingAPIBackend) -> Iterator[TaggedResource]:
    groups = ec2_backends[backend.account_id][backend.region_name].groups
    for group in (group for of_vpc in groups.values() for group in of_vpc.values()):
        for rule in (*group.ingress_rules, *group.egress_rules):
            tags = {tag["key"]: tag["value"] for tag in rule.get_tags()}
            if tags:
                arn = f"arn:aws:ec2:{backend.region_name}:{backend.account_id}:security-group-rule/{rule.id}"
                yield TaggedResource(arn, tags, "ec2:security-group-rule")
