"""Costs by tag: `buildkit costs` over Cost Explorer and BigQuery's export, and whether the tag counts at all."""

from __future__ import annotations

import json
import shlex
import urllib.request
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp
from typer.testing import Result

from buildkit_dagster.emulator.control import Emulator
from buildkit_dagster.errors import BillingExportMissing
from buildkit_dagster.tags.costs import Span, aws_costs, billing_query
from buildkit_dagster.tags.vocabulary import VOCABULARY
from tests.scenario import edited
from tests.tags.stand_in import Google

REPOSITORY = Path(__file__).parents[2]


def period(start: str, end: str, **amounts: str) -> dict[str, Any]:
    """What Cost Explorer says of one day or month; keyword `_` is what has no tag."""
    groups = [
        {
            "Keys": [f"cost_center${'' if value == '_' else value.replace('_', '-')}"],
            "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}},
        }
        for value, amount in amounts.items()
    ]
    return {"TimePeriod": {"Start": start, "End": end}, "Total": {}, "Groups": groups, "Estimated": False}


@pytest.fixture
def spent(emulator: Emulator) -> Callable[..., None]:
    """Put answers of Cost Explorer into the emulator, one for each request to come that was not made before."""

    def put(*answers: dict[str, Any]) -> None:
        body = json.dumps({"results": list(answers)}).encode()
        address = f"{emulator.endpoint}/moto-api/static/ce/cost-and-usage-results"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201

    return put


@pytest.mark.parity("B-9")
def test_costs_of_both_clouds_stand_side_by_side(
    buildkit: Callable[..., Result], spent: Callable[..., None], stand_in: Google
) -> None:
    spent({"ResultsByTime": [period("2024-03-01", "2024-04-01", ENG_001="12.5", _="0.75")]})
    stand_in.rows = [{"period": "2024-03-01", "value": "eng-001", "currency": "EUR", "cost": "3.10"}]
    done = buildkit("costs", "--from", "2024-03-01", "--to", "2024-04-01")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "2024-03-01  aws  ENG-001  12.5 USD",
        "2024-03-01  aws  (untagged)  0.75 USD",
        "2024-03-01  gcp  eng-001  3.10 EUR",
    ]
    (asked,) = stand_in.asked
    given = {each["name"]: each["parameterValue"].get("value") for each in asked["body"]["queryParameters"]}
    assert given == {"tag": "cost_center", "value": None, "start": "2024-03-01", "end": "2024-04-01"}
    assert "`harbour-data.billing.gcp_billing_export_v1_0A`" in asked["body"]["query"]


@pytest.mark.parity("B-9")
def test_one_value_is_asked_for_in_the_form_each_cloud_has_it(
    buildkit: Callable[..., Result], stand_in: Google
) -> None:
    arguments = ("--by", "finops_business_tags", "--value", "sales,crm", "--from", "2024-01-01", "--to", "2024-01-03")
    done = buildkit("costs", *arguments, "--granularity", "daily", "--json")
    assert json.loads(done.stdout)["costs"] == []
    given = {each["name"]: each["parameterValue"].get("value") for each in stand_in.asked[0]["body"]["queryParameters"]}
    assert (given["tag"], given["value"]) == ("finops_business_tags", "sales-crm")


@pytest.mark.parity("B-9", "B!12")
def test_whether_the_tag_counts_and_how_to_make_it_count_is_said(
    buildkit: Callable[..., Result], boto: Callable[[str], Any]
) -> None:
    tag = f"team_{uuid.uuid4().hex[:8]}"
    asked = ("costs", "--by", tag, "--cloud", "aws")
    assert f"Cost Explorer has not seen '{tag}' yet" in buildkit(*asked).stderr
    bucket = f"costs-{uuid.uuid4().hex}"
    boto("s3").create_bucket(Bucket=bucket)
    boto("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": tag, "Value": "a"}]})
    boto("resourcegroupstaggingapi").get_resources()
    told = buildkit(*asked).stderr
    command = f"update-cost-allocation-tags-status --cost-allocation-tags-status TagKey={tag},Status=Active"
    assert f"Cost Explorer does not count by '{tag}' yet: it is inactive. Activate it: aws ce {command}" in told
    wanted = [{"TagKey": tag, "Status": "Active"}, {"TagKey": "nobody", "Status": "Active"}]
    answer = boto("ce").update_cost_allocation_tags_status(CostAllocationTagsStatus=wanted)
    assert [error["TagKey"] for error in answer["Errors"]] == ["nobody"]
    done = buildkit(*asked, "--json")
    assert json.loads(done.stdout) == {"activation": "Active", "costs": []}
    assert done.stderr == ""


def test_googles_costs_without_an_export_are_told(buildkit: Callable[..., Result], folder: Path) -> None:
    edited(folder, "config/platform.yaml", ", billing_export: harbour-data.billing.gcp_billing_export_v1_0A", "")
    done = buildkit("costs", "--cloud", "gcp")
    assert isinstance(done.exception, BillingExportMissing)
    assert "export the billing account to BigQuery" in str(done.exception)


def test_days_that_end_before_they_begin_are_refused(buildkit: Callable[..., Result]) -> None:
    for end in ("2026-11-20", "2026-11-01"):
        done = buildkit("costs", "--from", "2026-11-20", "--to", end)
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"the day after the last, {end}, is not after the first, 2026-11-20" in done.stderr


def test_every_page_of_cost_explorer_is_read() -> None:
    class Explorer:
        def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:
            if "NextPageToken" not in request:
                return {"ResultsByTime": [period("2024-01-01", "2024-01-02", A="1")], "NextPageToken": "more"}
            return {"ResultsByTime": [period("2024-01-02", "2024-01-03", A="2")]}

    span = Span("cost_center", date(2024, 1, 1), date(2024, 1, 3), "daily")
    assert [cost.amount for cost in aws_costs(Explorer(), span)] == [Decimal(1), Decimal(2)]


@pytest.mark.parity("B-9", "B!12")
def test_the_printed_request_to_cost_explorer_is_one(boto: Callable[[str], Any]) -> None:
    documented = (REPOSITORY / "docs/tags.md").read_text().replace("\\\n", "")
    command = next(line for line in documented.splitlines() if line.startswith("$ aws ce get-cost-and-usage"))
    words = shlex.split(command.removeprefix("$ aws ce get-cost-and-usage"))
    options = dict(zip(words[::2], words[1::2], strict=True))
    answer = boto("ce").get_cost_and_usage(
        TimePeriod=pairs(options["--time-period"]),
        Granularity=options["--granularity"],
        Metrics=[options["--metrics"]],
        GroupBy=[pairs(options["--group-by"])],
        Filter=json.loads(options["--filter"]),
    )
    assert answer["ResultsByTime"] == []
    assert json.loads(options["--filter"])["Tags"]["Key"] in {row.tag for row in VOCABULARY}


def pairs(text: str) -> dict[str, str]:
    """The shorthand of AWS's command line."""
    return dict(part.split("=") for part in text.split(","))


@pytest.mark.parity("B-9", "B!12")
@pytest.mark.parametrize("granularity", ["daily", "monthly"])
def test_the_query_of_the_export_is_bigquerys_and_looks_the_label_up_in_the_array(granularity: Any) -> None:
    query = billing_query("p.d.t", granularity)
    (parsed,) = sqlglot.parse(query, dialect="bigquery", error_level=sqlglot.ErrorLevel.RAISE)
    assert parsed is not None
    assert {each.expressions[0].name for each in parsed.find_all(exp.Unnest)} == {"labels", "credits"}
    assert {name.name for name in parsed.find_all(exp.Parameter)} == {"tag", "value", "start", "end"}
    assert not list(parsed.find_all(exp.Dot)), "labels is an array: `labels.key` would be no query"
    if granularity == "monthly":
        documented = (REPOSITORY / "docs/tags.md").read_text()
        assert query.replace("`p.d.t`", "`PROJECT.DATASET.gcp_billing_export_v1_ACCOUNT`") in documented
