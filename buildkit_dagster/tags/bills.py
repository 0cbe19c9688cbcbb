"""The bills of one environment: Cost Explorer of its account and, where an export is configured, Google's.

What a bill says is read by `costs.py`; `commands/costs.py` and `defs/costs.py` ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from buildkit_dagster.cloud.aws import Aws
from buildkit_dagster.cloud.failures import told_as_ours
from buildkit_dagster.config.models import Platform
from buildkit_dagster.errors import BillingExportMissing, CloudRefused
from buildkit_dagster.tags.costs import Cost, Span, activation, aws_costs, google_costs
from buildkit_dagster.tags.rendering import AWS, GCP, Form, Value, aws_tags, gcp_labels
from buildkit_dagster.tags.resources import Where, as_written

if TYPE_CHECKING:
    from buildkit_dagster.cloud.gcp import Gcp


@dataclass(frozen=True)
class Bills:
    """Where the costs of a platform's environment are told."""

    platform: Platform
    aws: Aws
    gcp: Gcp

    def costs(self, span: Span, cloud: Where = "all") -> Iterator[Cost]:
        """Costs by a tag of the configuration. Raises BillingExportMissing where Google's are asked for in vain."""
        if cloud != "gcp":
            yield from aws_costs(self.aws.client("ce"), _as_written_by(AWS, span))
        gcp = self.platform.config.gcp
        table = gcp.billing_export if gcp else None
        if cloud == "gcp" and table is None:
            raise BillingExportMissing(self.platform.environment)
        if gcp is not None and table is not None and cloud != "aws":
            yield from google_costs(self.gcp.bigquery(gcp.project), table, _as_written_by(GCP, span))

    def status(self, tag: str) -> str:
        """Whether Cost Explorer counts by the tag: `Active`, `Inactive`, `not seen`, `unknown` to who may not look."""
        try:
            with told_as_ours():
                return activation(self.aws.client("ce"), tag) or "not seen"
        except CloudRefused:
            return "unknown"


def advice(tag: str, status: str) -> str:
    """What to do so that Cost Explorer counts by the tag; empty where it does."""
    command = (
        f"aws ce update-cost-allocation-tags-status --cost-allocation-tags-status TagKey={tag},Status=Active, in the "
        "account that pays; costs are counted by it from then on, within 24 hours"
    )
    return {
        "Active": "",
        "Inactive": f"Cost Explorer does not count by {tag!r} yet: it is inactive. Activate it: {command}",
        "not seen": f"Cost Explorer has not seen {tag!r} yet; it does up to 24 hours after a resource carries it. "
        f"Then activate it: {command}",
    }.get(status, f"these credentials may not see whether Cost Explorer counts by {tag!r}. If it does not: {command}")


def _as_written_by(form: Form, span: Span) -> Span:
    """Tag and value as a cloud has them."""
    render = {AWS.cloud: aws_tags, GCP.cloud: gcp_labels}[form.cloud]
    given: dict[str, Value] = dict(as_written({span.tag: span.value or "any"}))
    rendered = render(given)
    key = rendered.keys[span.tag]
    return replace(span, tag=key, value=rendered.tags[key] if span.value else None)
