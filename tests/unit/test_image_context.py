"""Build contexts: which files they are, and that the same content has the same tag and archive everywhere."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from buildkit_dagster.data import data_path
from buildkit_dagster.errors import ContextMissing
from buildkit_dagster.runtimes.image import BuildContext, context_files, image_context, image_tags
from tests.dbt_shop import shop_platform

ROOT = Path(__file__).parents[2]


def write(folder: Path, **files: str) -> Path:
    for name, text in {"Dockerfile": "FROM scratch", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def context_tag(folder: Path) -> str:
    return BuildContext(context_files(folder), "Dockerfile").tag


@pytest.mark.parity("A-102", "A-3", "A-83")
def test_the_tag_depends_on_content_names_and_modes_only(tmp_path: Path):
    one = write(tmp_path / "one", **{"run.sh": "echo", "b/c": "d"})
    two = write(tmp_path / "two", **{"b/c": "d", "run.sh": "echo"})
    assert context_tag(one) == context_tag(two)
    archives = [BuildContext(context_files(folder), "Dockerfile").archive() for folder in (one, two)]
    assert archives[0] == archives[1]

    (two / "run.sh").chmod(0o755)
    executable = context_tag(two)
    (two / "b" / "c").rename(two / "b" / "e")
    renamed = context_tag(two)
    (two / "b" / "e").write_text("x")
    assert len({context_tag(one), executable, renamed, context_tag(two)}) == 4


def test_dockerignore_decides_what_belongs_to_the_context(tmp_path: Path):
    names = ("a.pyc", "deep/b.pyc", "logs/x.log", "logs/keep.log", "src/main.py", "top.log")
    context = write(tmp_path, **dict.fromkeys(names, ""))
    (context / ".dockerignore").write_text(
        "# comment\n**/*.pyc\nlogs\n!logs/keep.log\n/*.log\nDockerfile\n.dockerignore\n"
    )
    assert list(context_files(context)) == ["Dockerfile", "logs/keep.log", "src/main.py"]


def test_the_archive_keeps_modes(tmp_path: Path):
    context = write(tmp_path, **{"run.sh": "echo"})
    (context / "run.sh").chmod(0o755)
    archive = zipfile.ZipFile(io.BytesIO(BuildContext(context_files(context), "Dockerfile").archive()))
    assert archive.getinfo("run.sh").external_attr >> 16 & 0o777 == 0o755
    assert archive.getinfo("Dockerfile").external_attr >> 16 & 0o777 == 0o644


def test_a_context_that_is_not_there_is_named(tmp_path: Path):
    platform = shop_platform(tmp_path)
    image = platform.config.images["platform"].model_copy(update={"context": "nowhere"})
    config = platform.config.model_copy(update={"images": {"platform": image}})
    with pytest.raises(ContextMissing, match=r"'platform'.*nowhere.*images\.platform"):
        image_tags(platform.model_copy(update={"config": config}))


def test_the_shipped_image_holds_all_its_entrypoint_imports(tmp_path: Path):
    """The context alone, without the checkout or a home, can import what a container and a function run."""
    context = image_context(shop_platform(tmp_path), "platform")
    zipfile.ZipFile(io.BytesIO(context.archive())).extractall(tmp_path / "context")
    script = "from buildkit_dagster.runtimes.entrypoints import ingest, lambda_handler as i; print(i.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "context")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path / "context"))


@pytest.mark.parity("A-111", "A!12", "A!21")
def test_the_shipped_image_pins_what_the_package_pins():
    def pins(text: str) -> dict[str, str]:
        return {name.lower(): version for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.M)}

    image = pins((data_path("image") / "requirements.txt").read_text())
    package = pins((ROOT / "constraints.txt").read_text())
    assert image
    assert {name: package[name] for name in image} == image


def test_a_function_installs_what_the_image_does_without_dbt_and_the_client_of_lambda():
    def wanted(folder: str) -> set[str]:
        lines = (data_path(folder) / "requirements.txt").read_text().splitlines()
        return {line for line in lines if not line.startswith("#")}

    left_out = {line for line in wanted("image") if line.startswith(("dbt-", "awslambdaric"))}
    assert wanted("function") == wanted("image") - left_out


def test_a_function_installs_whatever_its_modules_import():
    modules = ("buildkit_dagster.runtimes.entrypoints.ingest", "buildkit_dagster.runtimes.entrypoints.function_main")
    script = (
        f"import sys, {', '.join(modules)}\n"
        "print(*[module.__file__ for name, module in sys.modules.items() if name.startswith('buildkit_dagster')])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = {name for file in done.stdout.split() for name in _imports(Path(file))} - sys.stdlib_module_names
    installed = _closure((data_path("function") / "requirements.txt").read_text().splitlines()[1:])
    owners = metadata.packages_distributions()
    missing = {
        name for name in imported if not {canonicalize_name(owner) for owner in owners.get(name, ())} & installed
    }
    assert missing == {"buildkit_dagster"}


def _imports(module: Path) -> set[str]:
    """The first parts of the names of all modules that one imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(module.read_text())))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in plain + parts}


def _closure(lines: list[str]) -> set[str]:
    """The distributions that these requirements bring, with all that those require."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), extra) for line in lines for extra in ("", *Requirement(line).extras)]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(name)
        # Drivers of warehouses that this environment does without require nothing here.
        here = any(metadata.distributions(name=name))
        wanted = map(Requirement, metadata.requires(name) or ()) if here else ()
        needed = [item for item in wanted if item.marker is None or item.marker.evaluate({"extra": extra})]
        waiting += [(item, own) for item in needed for own in ("", *item.extras)]
    return found


@pytest.mark.parity("A-110", "A!21")
def test_the_shipped_image_runs_as_nobody_special_on_a_pinned_base():
    dockerfile = (data_path("image") / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:\d+\.\d+\.\d+-", dockerfile, re.M)
    assert re.findall(r"^USER (\S+)", dockerfile, re.M) == ["10001"]
