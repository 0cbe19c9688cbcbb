"""The user's own Rego policies, read as conftest reads them."""

from pathlib import Path

import pytest

from buildkit_dagster.config.gates import Gates
from buildkit_dagster.errors import PoliciesMissing, PolicyBroken
from buildkit_dagster.rules.gate import judge
from buildkit_dagster.rules.rego import read_policies, run_policies
from buildkit_dagster.rules.verdicts import Severity
from tests.rules.shapes import STACK, change, planned

PLAN = planned(
    change(
        "module.quick.aws_sqs_queue.open",
        "create",
        after={"name": "open", "secret": "canary"},
        after_sensitive={"secret": True},
    )
)
DENY = """\
package main

import rego.v1

deny contains msg if {
  some change in input.resource_changes
  change.change.after.name == "open"
  msg := sprintf("%s: queues have other names", [change.address])
}
"""
OLD = """\
package team.naming

deny[msg] {
  change := input.resource_changes[_]
  change.change.after.name == "open"
  msg := sprintf("%s: queues have other names", [change.address])
}
"""
OBJECTS = """\
package main

import rego.v1

warn contains {"msg": "is new", "address": change.address} if some change in input.resource_changes
violation contains {"msg": sprintf("%s is not allowed", [change.address])} if some change in input.resource_changes
warn_later contains "the whole stack" if true
"""
QUIET = """\
package main

import rego.v1

deny contains "never" if input.resource_changes[_].type == "aws_vpc"
allow contains "not a rule we read" if true
"""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (DENY, {("deny", "rego/main.deny", "module.quick.aws_sqs_queue.open")}),
        (OLD, {("deny", "rego/team.naming.deny", "module.quick.aws_sqs_queue.open")}),
        (
            OBJECTS,
            {
                ("warn", "rego/main.warn", "module.quick.aws_sqs_queue.open"),
                ("deny", "rego/main.violation", "module.quick.aws_sqs_queue.open"),
                ("warn", "rego/main.warn_later", "slow"),
            },
        ),
        (QUIET, set()),
    ],
)
def test_deny_and_warn_are_read_as_conftest_reads_them(source: str, found: set[tuple[str, str, str]]) -> None:
    policies = run_policies(PLAN, {"policies/own.rego": source})
    assert found == {
        *(("deny", each.rule, each.address) for each in policies.deny),
        *(("warn", each.rule, each.address) for each in policies.warn),
    }


def test_a_policy_sees_no_sensitive_value() -> None:
    source = 'package main\n\nimport rego.v1\n\ndeny contains sprintf("%v", [input.resource_changes]) if true\n'
    (finding,) = run_policies(PLAN, {"p.rego": source}).deny
    assert "canary" not in finding.message
    assert "(sensitive)" in finding.message


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("package main\n\ndeny[msg] {\n  msg = := 3\n}\n", 4, "Invalid assignment operator: msg = := 3"),
        (
            "package main\n\nimport rego.v1\n\ndeny contains m if m := none(3)\n",
            5,
            "Function not found: none",
        ),
        ("package main\n\nx := 1\n\nx := 2\n", 3, "x cannot be evaluated"),
    ],
)
def test_a_broken_policy_is_one_error_with_file_and_line(source: str, line: int, why: str) -> None:
    with pytest.raises(PolicyBroken) as broken:
        run_policies(PLAN, {"policies/good.rego": QUIET, "policies/bad.rego": source})
    assert str(broken.value).startswith(f"policies/bad.rego:{line}: {why}")


def test_a_broken_policy_writes_nothing_to_this_process(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PolicyBroken):
        run_policies(PLAN, {"bad.rego": "not rego at all"})
    assert capfd.readouterr() == ("", "")


def test_policies_are_all_files_below_the_folder_but_their_tests(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    for name in ("own.rego", "team/more.rego", "own_test.rego", "README.md"):
        (tmp_path / name).write_text(QUIET)
    assert {Path(file).name for file in read_policies(tmp_path)} == {"own.rego", "more.rego"}


def test_a_folder_that_is_named_and_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(PoliciesMissing, match=r"gates\.rego"):
        judge(PLAN, STACK, Gates(), tmp_path / "policies")


def test_the_gate_says_how_hard_a_deny_is_and_a_warn_only_warns(tmp_path: Path) -> None:
    (tmp_path / "own.rego").write_text(OBJECTS)
    for mode, severity in (("deny", Severity.DENY), ("approve", Severity.APPROVE)):
        verdicts = judge(PLAN, STACK, Gates.model_validate({"policies": mode}), tmp_path)
        assert [each.severity for each in verdicts] == [severity, Severity.WARN, Severity.WARN]
    assert judge(PLAN, STACK, Gates(policies="off"), tmp_path) == ()
