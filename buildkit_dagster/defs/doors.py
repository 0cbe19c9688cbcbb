"""What the command line asks of Dagster: the graph, and a run followed to its end.

`commands/` reach Dagster through here, `demo.py`, `services.py` and `instance.py` only, and when they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterInstance, Definitions

from buildkit_dagster.cloud.aws import aws_for
from buildkit_dagster.config.environment import ProcessEnvironment
from buildkit_dagster.config.models import Platform
from buildkit_dagster.defs.build import build_definitions
from buildkit_dagster.defs.graph import read_graph
from buildkit_dagster.defs.infra import gatekeeper_of, terraform_stacks
from buildkit_dagster.defs.instance import home_of, open_instance, prepare_home
from buildkit_dagster.defs.landscape import landscape_of
from buildkit_dagster.defs.launch import follow, submit, succeeded
from buildkit_dagster.defs.left_out import left_out_of
from buildkit_dagster.defs.lines import full_line
from buildkit_dagster.defs.planning import find_plan, plan_stacks, stacks_in
from buildkit_dagster.defs.selection import chosen_units
from buildkit_dagster.defs.services import daemon, daemon_lives, wait_for_daemon, workspace_file
from buildkit_dagster.defs.terraform.assets import op_name
from buildkit_dagster.emulator.control import running_emulator
from buildkit_dagster.errors import EmulatorNotRunning, PlanNotFound
from buildkit_dagster.graph import Graph
from buildkit_dagster.naming import DRIFT_JOB, TAGS_JOB, command_use, infra_key, key_text, stack_job_name
from buildkit_dagster.runtimes.prepare import prepare_platform
from buildkit_dagster.terraform.gatekeeper import Gatekeeper
from buildkit_dagster.terraform.plan_record import PlanRecord
from buildkit_dagster.terraform.plan_text import Shown
from buildkit_dagster.terraform.plans import Plans
from buildkit_dagster.terraform.stack import TerraformStack

Say = Callable[[str], None]

#: Jobs that are about every stack.
_OF_EVERYTHING = frozenset({"platform", "infrastructure", "plan", DRIFT_JOB, TAGS_JOB})


def graph_of(platform: Platform, process: ProcessEnvironment) -> Graph:
    """The platform's graph; manifests that are missing or old are made first."""
    list(prepare_platform(platform, process))
    definitions = build_definitions(platform, process)
    home = home_of(platform, process)
    if not (home / "dagster.yaml").exists():
        return read_graph(definitions)
    with open_instance(home) as instance:
        return read_graph(definitions, instance)


def launch(
    platform: Platform,
    process: ProcessEnvironment,
    job: str,
    say: Say,
    *,
    partition: str | None,
    selection: str | None,
    wait: bool,
    run_config: Mapping[str, Any] | None = None,
) -> bool:
    """Queue a run; with `wait`, follow it and return whether it succeeded, bringing a daemon when none runs."""
    check_endpoint(platform, process)
    home = prepare_home(platform, process)
    list(prepare_platform(platform, process))
    definitions = build_definitions(platform, process)
    with open_instance(home) as instance:
        workspace = workspace_file(platform)
        run = submit(
            definitions,
            instance,
            workspace,
            job,
            partition=partition,
            selection=selection,
            run_config=run_config,
        )
        say(f"Queued run {run.run_id} of {job}.")
        if selection is None and (remark := _left_out_of_job(platform, definitions, job)):
            say(remark)
        if not wait:
            return True
        with _some_daemon(platform, process, instance):
            return stream(instance, run.run_id, say)


def plans_of(
    platform: Platform, process: ProcessEnvironment, selection: str | None, stack: str | None, say: Say
) -> Iterator[Shown]:
    """Plan stacks, or the selected units, in this process; nothing is queued and nothing applied."""
    check_endpoint(platform, process)
    prepare_home(platform, process)  # what an emulator left that is gone must go before plans are stored
    list(prepare_platform(platform, process))
    repository = build_definitions(platform, process).get_repository_def()
    stacks, keys = stacks_in(list(repository.assets_defs_by_key.values()))
    if selection is None and stack is None and any(each.not_emulated for each in stacks):
        say(left_out_of(platform.environment, repository.asset_graph.assets_defs).remark)
        stacks = tuple(each for each in stacks if not each.not_emulated)
    units = chosen_units(stacks, selection, stack, repository.asset_graph)

    def gatekeeper(one: TerraformStack) -> Gatekeeper:
        return gatekeeper_of(platform, process, one, command_use("plan"), say)

    yield from plan_stacks(stacks, units, gatekeeper, keys, landscape_of(repository))


def apply_plans(
    platform: Platform, process: ProcessEnvironment, digests: Sequence[str], say: Say, *, wait: bool
) -> bool:
    """Run the job of each stored plan's stack with that plan; the first failure is the last run."""
    check_endpoint(platform, process)
    stacks = terraform_stacks(platform)
    records = [_stored(stacks, aws_for(platform, process).client("s3"), digest) for digest in digests]
    order = [stack.name for stack in stacks]
    for record in records:  # before anything is applied
        record.refuse_for_run(datetime.now(UTC))
    for record in sorted(records, key=lambda record: order.index(record.stack)):
        done = launch(
            platform,
            process,
            stack_job_name(record.stack),
            say,
            partition=None,
            selection=None if record.full else _selection_of(record),
            wait=wait,
            run_config={"ops": {op_name(record.stack): {"config": {"plan": record.digest}}}},
        )
        if not done:
            return False
    return True


def _stored(stacks: Sequence[TerraformStack], s3: Any, digest: str) -> PlanRecord:
    record = find_plan(stacks, s3, digest)
    if record is None:
        raise PlanNotFound(digest, [line for stack in stacks for line in Plans(stack, s3).listed()])
    return record


def _selection_of(record: PlanRecord) -> str:
    """The units of a partial plan in Dagster's selection syntax."""
    return " or ".join(f'key:"{key_text(infra_key(record.stack, unit))}"' for unit in record.units)


def _left_out_of_job(platform: Platform, definitions: Definitions, name: str) -> str:
    """What to say of a job of which something is left out here; empty for any other."""
    left_out = left_out_of(platform.environment, definitions.resolve_asset_graph().assets_defs)
    selected = definitions.resolve_job_def(name).asset_layer.selected_asset_keys
    projects = {project.name for project in platform.dbt_projects}
    lacking = projects & {key.path[0] for key in left_out.resting} & {key.path[0] for key in selected}
    is_lacking = name in _OF_EVERYTHING or bool(lacking)
    return left_out.remark if left_out.units and is_lacking and not left_out.assets & selected else ""


def stream(instance: DagsterInstance, run_id: str, say: Say) -> bool:
    """Say each event of the run worth reading; returns whether the run succeeded."""
    for entry in follow(instance, run_id):
        line = full_line(entry)
        if line:
            say(line)
    done = succeeded(instance, run_id)
    say(f"Run {run_id} {'succeeded' if done else 'failed'}.")
    return done


def check_endpoint(platform: Platform, process: ProcessEnvironment) -> None:
    """A wrong one, or an emulator that has ended, is told before anything is queued."""
    _ = aws_for(platform, process).endpoint
    if platform.config.cloud == "emulator" and not process.endpoint and running_emulator(platform.work) is None:
        raise EmulatorNotRunning(platform.environment)


@contextmanager
def _some_daemon(platform: Platform, process: ProcessEnvironment, instance: DagsterInstance) -> Iterator[None]:
    """The daemon that runs already, else one of our own."""
    if daemon_lives(instance, home_of(platform, process)):
        yield
        return
    with daemon(platform, process, instance) as child:
        wait_for_daemon(child, instance)
        yield
