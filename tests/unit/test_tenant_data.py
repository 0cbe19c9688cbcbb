"""What two tenants may have in common of their data: what both were told to read, and nothing by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildkit_dagster.config.validate import Findings, examine
from tests.scenario import FILES, edited, write_platform

RAW = "name: raw\ntype: s3\nbucket: raw\n"
LANDING = "name: landing\ntype: gcs\nbucket: harbour-landing\n"
WAREHOUSE = "name: warehouse\ntype: warehouse\ndataset: {}\n"
ATHENA = "name: a\ntype: athena\ndataset: {}\ns3_staging_dir: 's3://results/'\ns3_data_dir: 's3://tables/'\n"
FILES_BELOW = "name: f\ntype: files\nbucket: raw\nprefix: exports\ndataset: {}\n"


def examined(folder: Path, **jobs: tuple[str, str, str]) -> Findings:
    """A platform in which each tenant has one job, `customers`: its source connector, its target connector, and what
    follows in its file. Each has an asset of its own in a file of the same name."""
    write_platform(folder)
    for job in (folder / "config/jobs/acme").iterdir():
        job.unlink()
    for tenant, (source, target, text) in jobs.items():
        files = {
            f"connectors/{tenant}_source.yaml": source,
            f"connectors/{tenant}_target.yaml": target,
            f"assets/{tenant}/customers.yaml": FILES["config/assets/till/v1.0/customers.yaml"].replace(
                "source_type: till", f"source_type: {tenant}"
            ),
            f"jobs/{tenant}/customers.yaml": (
                f"tenant_id: {tenant}\nsource_connector_path: connectors/{tenant}_source.yaml\n"
                f"target_connector_path: connectors/{tenant}_target.yaml\n"
                f"asset_path: assets/{tenant}/customers.yaml\n{text}"
            ),
        }
        for name, content in files.items():
            (folder / "config" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "config" / name).write_text(content)
    return examine(folder)


def problems(folder: Path, **jobs: tuple[str, str, str]) -> list[str]:
    found = examined(folder, **jobs).problems
    return [
        f"{each.file.relative_to(folder / 'config/jobs')}:{each.line}: {each.path}: {each.message}" for each in found
    ]


def path(written: str) -> str:
    return f"source: {{path: '{written}'}}\n"


@pytest.mark.parametrize("source", [RAW, LANDING])
def test_a_prefix_that_nobody_wrote_is_not_shared_unnoticed(tmp_path: Path, source: str) -> None:
    found = problems(
        tmp_path, acme=(source, WAREHOUSE.format("acme"), ""), globex=(source, WAREHOUSE.format("globex"), "")
    )
    bucket = "raw" if source is RAW else "gs://harbour-landing"
    assert found == [
        f"globex/customers.yaml:4: asset_path: job globex/customers reads 'customers/' of bucket {bucket} because its "
        "file has no `source`, and job acme/customers of another tenant reads 'customers/'; write a path of the "
        "tenant's own, as in `source: {path: globex/customers/}`"
    ]


@pytest.mark.parametrize(
    ("acme", "globex", "culprit"),
    [
        pytest.param("", path("customers/new/"), "acme/customers.yaml:4: asset_path: ", id="one path is a default"),
        pytest.param(path("cust"), "", "globex/customers.yaml:4: asset_path: ", id="one path begins with the other"),
        pytest.param(path("acme/"), path("globex/"), None, id="a folder each"),
        pytest.param(path("public/a/"), path("public/b/"), None, id="beside each other"),
    ],
)
def test_overlaps_of_prefixes(tmp_path: Path, acme: str, globex: str, culprit: str | None) -> None:
    found = problems(
        tmp_path, acme=(RAW, WAREHOUSE.format("acme"), acme), globex=(RAW, WAREHOUSE.format("globex"), globex)
    )
    assert len(found) == (1 if culprit else 0), found
    assert all(each.startswith(str(culprit)) for each in found)


def test_what_both_were_told_to_read_is_a_remark(tmp_path: Path) -> None:
    found = examined(
        tmp_path,
        acme=(RAW, WAREHOUSE.format("acme"), path("public/")),
        globex=(RAW, WAREHOUSE.format("globex"), path("public/rates.csv")),
        initech=(LANDING, WAREHOUSE.format("initech"), path("public/")),
    )
    told = "Read by jobs of more than one tenant, as their files say: public/ of bucket raw, by acme/customers, "
    assert (found.problems, [each for each in found.remarks if each.startswith(told)]) == (
        [],
        [f"{told}globex/customers."],
    )


def test_the_jobs_of_one_tenant_may_read_what_they_like(tmp_path: Path) -> None:
    write_platform(tmp_path)
    edited(tmp_path, "config/jobs/acme/sales.yaml", "sales/{partition}.csv", "customers/{partition}.csv")
    found = examine(tmp_path)
    assert (found.problems, [each for each in found.remarks if "tenant," in each]) == ([], [])


@pytest.mark.parametrize(
    ("acme", "globex", "key"),
    [
        pytest.param(path("exports/"), path("globex/"), "source.path", id="one reads where the other writes"),
        pytest.param(path("exports/globex/"), path("globex/"), "source.path", id="one reads what the other wrote"),
        pytest.param(path("globex/"), path("acme/"), None, id="nobody does"),
    ],
)
def test_nobody_reads_what_another_tenant_writes(tmp_path: Path, acme: str, globex: str, key: str | None) -> None:
    found = problems(
        tmp_path, acme=(RAW, WAREHOUSE.format("acme"), acme), globex=(RAW, FILES_BELOW.format("globex"), globex)
    )
    assert len(found) == (1 if key else 0), found
    assert all(each.startswith(f"acme/customers.yaml:5: {key}: job acme/customers reads ") for each in found)


@pytest.mark.parametrize(
    ("acme", "globex", "shared"),
    [
        pytest.param(WAREHOUSE.format("till"), WAREHOUSE.format("till"), True, id="one dataset"),
        pytest.param(WAREHOUSE.format("till"), WAREHOUSE.format("till_staging"), True, id="dlt's own one"),
        pytest.param(ATHENA.format("till"), ATHENA.format("till"), True, id="one database of Athena"),
        pytest.param(FILES_BELOW.format("till"), FILES_BELOW.format("till"), True, id="one folder"),
        pytest.param(ATHENA.format("till"), ATHENA.format("till") + "database: other\n", False, id="two catalogs"),
        pytest.param(WAREHOUSE.format("acme"), WAREHOUSE.format("globex"), False, id="a dataset each"),
    ],
)
def test_tenants_load_into_datasets_of_their_own(tmp_path: Path, acme: str, globex: str, shared: bool) -> None:
    found = problems(tmp_path, acme=(RAW, acme, path("acme/")), globex=(RAW, globex, path("globex/")))
    assert len(found) == shared, found
    assert all(
        each.startswith("globex/customers.yaml:3: target_connector_path: job globex/customers ")
        and "job acme/customers of another tenant" in each
        and "of the tenant's own" in each
        for each in found
    )


def test_the_warehouse_is_the_database_its_settings_name(tmp_path: Path) -> None:
    """In prod the warehouse is Athena, in dev it is a file."""
    found = problems(
        tmp_path,
        acme=(RAW, WAREHOUSE.format("till"), path("acme/") + "environment: prod\n"),
        globex=(RAW, ATHENA.format("till"), path("globex/")),
    )
    assert [each.partition(": job")[0] for each in found] == ["globex/customers.yaml:3: target_connector_path"]
