"""What was spent, by the value of a tag and by day or month: Cost Explorer and BigQuery's billing export.

Clients are given; who asks is `commands/costs.py` and `defs/costs.py`. Every request of Cost Explorer costs 0.01 USD
(AWS Cost Management pricing), every query of BigQuery what it reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from buildkit_dagster.cloud.bigquery import Queries

Granularity = Literal["daily", "monthly"]

#: Not blended: what the account itself was charged, which is also right below one payer.
_METRIC = "UnblendedCost"


@dataclass(frozen=True)
class Span:
    """Days from `start` on, `end` not among them; `tag` is the key as the cloud has it, `value` None for all values."""

    tag: str
    start: date
    end: date
    granularity: Granularity
    value: str | None = None


@dataclass(frozen=True)
class Cost:
    """What one value of the tag cost in the day or month that begins at `start`; '' is what has no such tag."""

    cloud: str
    start: date
    value: str
    amount: Decimal
    currency: str


def aws_costs(explorer: Any, span: Span) -> Iterator[Cost]:
    """Costs from Cost Explorer, of which `explorer` is a boto3 client."""
    request: dict[str, Any] = {
        "TimePeriod": {"Start": span.start.isoformat(), "End": span.end.isoformat()},
        "Granularity": span.granularity.upper(),
        "Metrics": [_METRIC],
        "GroupBy": [{"Type": "TAG", "Key": span.tag}],
    }
    if span.value is not None:
        request["Filter"] = {"Tags": {"Key": span.tag, "Values": [span.value], "MatchOptions": ["EQUALS"]}}
    while True:
        answer = explorer.get_cost_and_usage(**request)
        for period in answer["ResultsByTime"]:
            for group in period["Groups"]:
                # A group is called `<tag>$<value>`.
                value = group["Keys"][0].partition("$")[2]
                paid = group["Metrics"][_METRIC]
                start = date.fromisoformat(period["TimePeriod"]["Start"])
                yield Cost("aws", start, value, Decimal(paid["Amount"]), paid["Unit"])
        if not answer.get("NextPageToken"):
            return
        request["NextPageToken"] = answer["NextPageToken"]


def activation(explorer: Any, tag: str) -> Literal["Active", "Inactive"] | None:
    """Whether Cost Explorer counts by this tag; None where it has not seen the tag yet, which takes a day."""
    answer = explorer.list_cost_allocation_tags(TagKeys=[tag], Type="UserDefined")
    return next((each["Status"] for each in answer["CostAllocationTags"] if each["TagKey"] == tag), None)


def google_costs(queries: Queries, table: str, span: Span) -> Iterator[Cost]:
    """Costs from the billing export `table`, credits taken off. Raises GoogleRefused, GoogleUnavailable."""
    parameters = {"tag": span.tag, "value": span.value, "start": span.start, "end": span.end}
    for row in queries.rows(f"read the billing export {table}", billing_query(table, span.granularity), parameters):
        yield Cost("gcp", row["period"], row["value"] or "", Decimal(str(row["cost"])), row["currency"])


def billing_query(table: str, granularity: Granularity) -> str:
    """The query; `labels` is an array of keys and values, so one is looked up in it. `table` is checked when the
    configuration is read, everything else is a parameter."""
    day = "DATE(usage_start_time)"
    period = day if granularity == "daily" else f"DATE_TRUNC({day}, MONTH)"
    return f"""\
SELECT
  {period} AS period,
  (SELECT label.value FROM UNNEST(labels) AS label WHERE label.key = @tag LIMIT 1) AS value,
  currency,
  SUM(CAST(cost AS NUMERIC))
    + SUM(IFNULL((SELECT SUM(CAST(credit.amount AS NUMERIC)) FROM UNNEST(credits) AS credit), 0)) AS cost
FROM `{table}`
WHERE {day} >= @start AND {day} < @end
GROUP BY period, value, currency
HAVING @value IS NULL OR value = @value
ORDER BY period, value
"""


def first_of_month(today: date) -> date:
    """Where a span begins when nobody says."""
    return today.replace(day=1)


def tomorrow(now: datetime) -> date:
    """Where it ends: Cost Explorer leaves the last day out."""
    return now.date() + timedelta(days=1)
