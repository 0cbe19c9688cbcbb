"""Secrets planted in every place of a root, and looked for, byte by byte, in all that a run leaves and shows.

Runs are real ones: `dagster job execute` with an instance on disk, and the command line's own frame in a process.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dagster import AssetCheckKey, DagsterEventType, DagsterInstance

from buildkit_dagster import TerraformStack
from buildkit_dagster.defs.checks import POLICY, Result, last_results
from buildkit_dagster.process import start
from buildkit_dagster.terraform.secret_names import MARK
from tests.canaries.planted import CANARIES, ENVIRONMENT, found_in, found_in_files, plant
from tests.terraform_runs import key_of

REPOSITORY = Path(__file__).parents[2]
#: Every way the planted root can end, and what its error must still say.
ENDINGS = {
    "good": "",
    "precondition": f"the key {MARK} is used up; postgres://loader:{MARK}@db.example/warehouse",
    "provisioner": "exit status 1; what it printed may hold secrets and is not repeated",
    "postcondition": "refused by the service:",
}


@dataclass
class Ended:
    """A finished process: what it printed, what processes were seen beside it, where its instance and root are."""

    code: int
    out: str
    err: str
    home: Path
    root: Path
    seen: set[bytes] = field(default_factory=set)


def run(argv: list[str], root: Path, home: Path, verdict: str) -> Ended:
    """Run a process of the canary's environment and look at all command lines meanwhile."""
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    env = {**os.environ, **ENVIRONMENT, "DAGSTER_HOME": str(home), "CANARY_ROOT": str(root), "CANARY_VERDICT": verdict}
    child = start(argv, cwd=REPOSITORY, env=env, stdout=root.parent / "out.txt", stderr=root.parent / "err.txt")
    ended = Ended(0, "", "", home, root)
    watching = threading.Thread(target=_watch, args=(child, ended.seen))
    watching.start()
    ended.code = child.wait(300)
    watching.join()
    ended.out, ended.err = child.stdout.read_text(), child.stderr.read_text()
    return ended


def _watch(child, seen: set[bytes]) -> None:  # type: ignore[no-untyped-def]
    while child.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(entry.read_bytes())
            except OSError:
                continue
        time.sleep(0.05)


def execute(name: str, folder: Path, verdict: str) -> Ended:
    """Run a job of the planted root by `dagster job execute`."""
    argv = [sys.executable, "-m", "dagster", "job", "execute", "-f", "tests/canaries/definitions.py", "-j", name]
    return run(argv, plant(folder / "planted"), folder / "home", verdict)


def quoted(ended: Ended) -> Result:
    """What the policy that quotes secrets came to, as the check of the first unit has it."""
    first = TerraformStack(ended.root, name="planted").root.names[0]
    key = AssetCheckKey(key_of("planted", first), POLICY)
    with DagsterInstance.from_config(str(ended.home)) as instance:
        return last_results(instance, [key])[key]


@pytest.fixture(scope="module", params=ENDINGS)
def job(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Ended]:
    """A run of the planted root that ends in each of these ways."""
    return request.param, execute("everything", tmp_path_factory.mktemp(request.param), request.param)


def test_no_secret_is_in_anything_that_a_run_writes_or_prints(job: tuple[str, Ended]) -> None:
    verdict, ended = job
    assert ended.code == (0 if verdict == "good" else 1), ended.err[-3000:]
    assert found_in(ended.out.encode()) == []
    assert found_in(ended.err.encode()) == []
    assert found_in_files(ended.home) == []
    assert [line for line in ended.seen if found_in(line)] == []
    assert any(b"terraform\0plan" in line for line in ended.seen)
    if verdict != "precondition":
        assert MARK in quoted(ended).description, "no check quotes a secret"


def test_no_secret_is_in_what_a_check_says_that_is_run_by_itself(tmp_path: Path) -> None:
    ended = execute("looked_at", tmp_path, "good")
    assert ended.code == 0, ended.err[-3000:]
    assert found_in((ended.out + ended.err).encode()) == []
    assert found_in_files(ended.home) == []
    said = quoted(ended)
    assert "holds {" in said.description
    assert MARK in said.description


def test_a_run_without_secrets_in_it_still_says_what_happened(job: tuple[str, Ended]) -> None:
    verdict, ended = job
    with DagsterInstance.from_config(str(ended.home)) as instance:
        (record,) = instance.get_run_records()
        logs = instance.all_logs(record.dagster_run.run_id)
    failures = [entry for entry in logs if entry.dagster_event_type is DagsterEventType.STEP_FAILURE]
    text = "\n".join(str(entry.dagster_event.step_failure_data) for entry in failures)
    assert ENDINGS[verdict] in text.replace("\\n", "\n")
    made = [entry.asset_materialization for entry in logs if entry.asset_materialization is not None]
    materialized = {each.asset_key.path[-1]: each for each in made}
    assert ("plain" in materialized) == (verdict != "precondition")
    if verdict != "good":
        return
    metadata = {key: value.value for key, value in materialized["holder"].metadata.items()}
    assert f'module.holder.terraform_data.keyed["{MARK}"]' in metadata["resources"]
    shown = {
        name: value
        for entry in logs
        for name, value in (entry.asset_observation.metadata if entry.asset_observation else {}).items()
    }
    outputs = {**metadata.get("outputs", {}), **(shown["outputs"].value if "outputs" in shown else {})}
    assert outputs["session_token"] == MARK
    assert outputs["address"] == f"postgres://loader:{MARK}@db.example/warehouse"
    assert "hidden" not in outputs


def test_files_that_hold_secrets_are_readable_by_their_owner_only(job: tuple[str, Ended]) -> None:
    _, ended = job
    (work,) = (ended.root / ".buildkit").iterdir()
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    holding = [work, ended.root / "terraform.tfstate"]
    files = [file for place in holding for file in ([place] if place.is_file() else place.rglob("*"))]
    open_ones = [
        str(file.relative_to(ended.root))
        for file in files
        if file.is_file() and found_in(file.read_bytes()) and stat.S_IMODE(file.stat().st_mode) & 0o077
    ]
    assert open_ones == []
    assert any(found_in(file.read_bytes()) for file in files if file.is_file()), "the test looks in the wrong place"


CLI = """
import os, sys
from pathlib import Path
from buildkit_dagster import TerraformCliResource, TerraformStack, cli
from buildkit_dagster.commands import plan
from buildkit_dagster.commands.common import make_output_folder, out
from buildkit_dagster.terraform.plan_text import Shown
from buildkit_dagster.terraform.planning import plan_stack
from tests.canaries.planted import variables

@cli.app.command("canary")
def canary() -> None:
    verdict, root = os.environ["CANARY_VERDICT"], Path(os.environ["CANARY_ROOT"])
    stack = TerraformStack(root, name="planted", variables=variables(verdict))
    resource = TerraformCliResource(policies=str(root / "policies"))
    shown = [Shown("planned", plan_stack(resource.gatekeeper(resource.engine(stack)), stack.root.names, {}))]
    for form in ("table", "markdown", "json"):
        out.print(plan._text(shown, form), markup=False)
    make_output_folder(root / "report")
    plan._write(shown, root / "report")
    if verdict == "unexpected":
        raise RuntimeError(f"no such thing: {stack.variables['shared']}")

sys.argv = ["buildkit", "canary"]
cli.main()
"""


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        ("good", "holds {"),
        ("validation", f"the password {MARK} is not allowed"),
        ("unexpected", f"unexpected RuntimeError: no such thing: {MARK}"),
    ],
)
def test_the_command_line_prints_no_secret(tmp_path: Path, verdict: str, told: str) -> None:
    root = plant(tmp_path / "planted")
    (root / "config").mkdir()
    (root / "config" / "platform.yaml").write_text("")
    script = f"import os, sys; sys.path.insert(0, os.getcwd()); os.chdir(os.environ['CANARY_ROOT'])\n{CLI}"
    ended = run([sys.executable, "-c", script], root, tmp_path / "home", verdict)
    assert told in ended.out + ended.err
    assert found_in((ended.out + ended.err).encode()) == []
    assert (root / "report").exists() == (verdict != "validation")
    assert found_in_files(root / "report") == []
    log = root / ".buildkit" / "error.log"
    assert log.exists() == (verdict == "unexpected")
    assert found_in(log.read_bytes() if log.exists() else b"") == []


def test_every_canary_would_be_found() -> None:
    for place, secret in CANARIES.items():
        assert [found.partition(":")[0] for found in found_in(f"x{secret}x".encode())][:1] == [place]
