"""`buildkit generate`: one job's root in either syntax, which Terraform plans alike, and what is refused."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster import process
from buildkit_dagster.cli import main
from buildkit_dagster.config.load import load_platform
from buildkit_dagster.runtimes.image import image_tags
from buildkit_dagster.stacks.build import platform_roots
from buildkit_dagster.terraform.hcl_text import hcl_text
from buildkit_dagster.terraform.providers import find_mirror, write_cli_configuration
from buildkit_dagster.terraform.render import body_of, expression
from tests.scenario import edited, write_platform

REPOSITORY = Path(__file__).parents[2]
SALES = "config/jobs/acme/sales.yaml"
RUNTIME = "{type: aws_ecs_fargate, cpu: 256, memory: 512}"
NASTY = 'say "hi" to ${var.x} and %{ if true }\n\\n\ttab $${y} é'
RUNTIMES = {
    "ecs_fargate": RUNTIME,
    "lambda": "{type: aws_lambda, memory: 512, timeout: 60}",
}
UPSTREAM = {
    "registry__repository__url": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/harbour-dev-platform",
    "registry__repository__arn": "arn:aws:ecr:eu-west-1:123456789012:repository/harbour-dev-platform",
    "registry__artifacts__arn": "arn:aws:s3:::harbour-dev-artifacts",
    "registry__cluster__vpc_id": "vpc-0a1b2c3d",
}

Generate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_platform(tmp_path / "harbour")


@pytest.fixture
def generate(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Generate:
    """`generate(*arguments)`: exit code, standard output, standard error of the command in the platform folder."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BUILDKIT_ENV", "dev")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["buildkit", "generate", *arguments])
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = int(exit.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def written(value: Any) -> Any:
    """What python-hcl2 read, its strings without their quotes and escapes."""
    if isinstance(value, str):
        return json.loads(value) if value.startswith('"') else value
    if isinstance(value, Mapping):
        return {written(name): written(inner) for name, inner in value.items() if name != "__is_block__"}
    return [written(inner) for inner in value] if isinstance(value, list) else value


#: Without the carriage return, which is written as a template of its own.
TEXTS = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))
VALUES = st.dictionaries(TEXTS, st.recursive(TEXTS | st.booleans() | st.integers(), st.lists), max_size=4)


@pytest.mark.parity("B!19")
@given(VALUES)
def test_any_text_in_native_syntax_is_the_same_text(values: dict[str, Any]) -> None:
    body = {"locals": {"values": expression(values)}}
    [read] = hcl2.loads(hcl_text(body))["locals"]
    assert written(read["values"]) == body["locals"]["values"]


@pytest.mark.parity("B-5", "B-80", "B-81", "B-82", "B-83", "B-84", "B-85", "B-86", "B-87", "B!1", "B!3", "B!19")
@pytest.mark.parametrize("resource", RUNTIMES)
def test_both_syntaxes_are_complete_roots_that_plan_alike(
    folder: Path, generate: Generate, aws_env: dict[str, str], resource: str
) -> None:
    edited(folder, SALES, RUNTIME, RUNTIMES[resource])
    edited(folder, "config/assets/till/v1.0/sales.yaml", "domain: retail", f"domain: {json.dumps(NASTY)}")
    flags = ("--cloud", "aws", "--resource-type", resource)
    plans = []
    for form, suffix in (("hcl", ".tf"), ("json", ".tf.json")):
        code, said, problems = generate(SALES, *flags, "--format", form, "--output-dir", form)
        file = folder / form / f"acme-till-sales{suffix}"
        assert (code, file.is_file()) == (0, True), problems
        assert f"✓ Generated {form}/acme-till-sales{suffix}" in said
        assert "  finops_cost_center = SALES-9\n" in said
        plans.append(planned(file.parent, aws_env))
    native, data = plans
    assert native == data
    tags = [values["tags_all"] for values in native.values() if values.get("tags_all")]
    assert len(tags) > 3
    assert {each["tenant_id"] for each in tags} == {"acme"}


def planned(root: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """The resources a plan of the root would make, with their values by address; its state beside it."""
    (root / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    (root / "values.auto.tfvars.json").write_text(json.dumps(UPSTREAM))
    variables = {**environment, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(root / "cli.tfrc.json")}
    write_cli_configuration(Path(variables["TF_CLI_CONFIG_FILE"]), find_mirror(None))

    def terraform(*arguments: str) -> str:
        answer = process.run(["terraform", *arguments], cwd=root, env=variables, timeout=600)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    assert terraform("fmt", "-check", "-list=false", ".") == ""
    terraform("init", "-input=false", "-no-color")
    terraform("plan", "-input=false", "-no-color", "-out=it.tfplan")
    shown = json.loads(terraform("show", "-json", "it.tfplan"))
    [module] = shown["planned_values"]["root_module"]["child_modules"]
    return {resource["address"]: resource["values"] for resource in module["resources"]}


@pytest.mark.parity("B-4")
def test_it_is_the_unit_the_platform_would_apply_with_a_state_of_its_own(folder: Path, generate: Generate) -> None:
    assert generate("acme/sales", "--format", "json", "--output-dir", "out")[0] == 0
    root = json.loads((folder / "out/acme-till-sales.tf.json").read_text())
    platform = load_platform(folder, "dev")
    [stack] = [each for each in platform_roots(platform, image_tags(platform)) if each.stack == "ingest-acme"]
    body = body_of(stack, {call.module: () for call in stack.calls}, Path("modules"))
    for module in (root["module"]["sales"], body["module"]["sales"]):
        del module["tags"]["buildkit_unit"]
    assert root["module"] == {"sales": body["module"]["sales"]}
    assert root["provider"] == body["provider"]
    own, platforms = root["terraform"]["backend"]["s3"], body["terraform"]["backend"]["s3"]
    assert {**own, "key": platforms["key"]} == platforms
    assert own["key"] != platforms["key"]


@pytest.mark.parity("B-130", "B-131", "B!15")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SALES, "--cloud", "gcp"), "`--cloud gcp` contradicts config/jobs/acme/sales.yaml, whose"),
        ((SALES, "--resource-type", "lambda"), "write `--resource-type ecs_fargate`, leave the flag out"),
        (("acme/salse",), "acme/salse is no ingest job of environment dev; allowed: acme/customers, acme/sales"),
        (("config/jobs/acme/nothing.yaml",), "is no ingest job of environment dev"),
        (("globex/sales",), "globex/sales is no ingest job of environment dev; allowed: acme/customers, acme/sales"),
        (("config/jobs/globex/sales.yaml",), "config/jobs/globex/sales.yaml is no ingest job of environment dev"),
        (("elsewhere/acme/sales.yaml",), "elsewhere/acme/sales.yaml is no ingest job of environment dev"),
        (("acme/sales", "--output-dir", "taken/main.tf"), "the folder taken/main.tf cannot be written (File exists)"),
        (("acme/sales", "--output-dir", "taken"), "holds main.tf already, and Terraform would take acme-till-sales.tf"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    folder: Path, generate: Generate, arguments: tuple[str, ...], message: str
) -> None:
    (folder / "taken").mkdir()
    (folder / "taken/main.tf").write_text("")
    (folder / "elsewhere/acme").mkdir(parents=True)
    (folder / "elsewhere/acme/sales.yaml").write_text((folder / SALES).read_text())
    code, said, problems = generate(*arguments)
    assert (code, said) == (2, "")
    assert message in problems.replace("\n", " ")
    assert not list(folder.glob("terraform/*"))
    assert [file.name for file in folder.glob("taken/*")] == ["main.tf"]


@pytest.mark.parity("B-88")
def test_a_job_without_infrastructure_is_generated_with_the_platforms_default_and_says_so(
    folder: Path, generate: Generate
) -> None:
    code, said, problems = generate("config/jobs/acme/customers.yaml")
    assert (code, (folder / "terraform/acme-till-customers.tf").is_file()) == (0, True), problems
    assert "Runs in aws_ecs_fargate: cpu 1024, memory 2048, image platform, timeout 3600\n" in said


@pytest.mark.parametrize("asked", ["acme/sales", "sales", "acme/sales.yaml", SALES])
def test_a_job_of_one_environment_needs_no_other_word_for_it(
    folder: Path, generate: Generate, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    edited(folder, SALES, "tenant_id: acme\n", "tenant_id: acme\nenvironment: prd\n")
    monkeypatch.delenv("BUILDKIT_ENV")
    code, said, problems = generate(asked)
    assert (code, "/acme-till-sales.tf" in said) == (0, True), problems
    assert "  environment = prod\n" in said, said


@pytest.mark.parity("B-5")
def test_the_script_of_the_guide_takes_the_same_arguments(folder: Path) -> None:
    script = [sys.executable, str(REPOSITORY / "scripts/generate_terraform.py")]
    arguments = [SALES, "--cloud", "aws", "--resource-type", "ecs_fargate", "--output-dir", "out", "--format", "json"]
    environment = {**os.environ, "BUILDKIT_ENV": "dev"}
    answer = process.run([*script, *arguments], cwd=folder, env=environment, timeout=300)
    assert answer.returncode == 0, answer.stderr
    assert "✓ Generated out/acme-till-sales.tf.json" in answer.stdout
    wrong = process.run([*script, SALES, "--cloud", "azure"], cwd=folder, env=environment, timeout=300)
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (2, False)
