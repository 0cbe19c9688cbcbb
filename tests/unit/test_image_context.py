"""Build contexts: which files they are, and that the same content has the same tag and archive everywhere."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
    """The context alone, without the checkout, can import what the container runs."""
    context = image_context(shop_platform(tmp_path), "platform")
    zipfile.ZipFile(io.BytesIO(context.archive())).extractall(tmp_path / "context")
    script = "import buildkit_dagster.runtimes.entrypoints.ingest as i; print(i.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "context")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(tmp_path / "context"))


def test_the_shipped_image_pins_what_the_package_pins():
    def pins(text: str) -> dict[str, str]:
        return {name.lower(): version for name, version in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.M)}

    image = pins((data_path("image") / "requirements.txt").read_text())
    package = pins((ROOT / "constraints.txt").read_text())
    assert image
    assert {name: package[name] for name in image} == image


def test_the_shipped_image_runs_as_nobody_special_on_a_pinned_base():
    dockerfile = (data_path("image") / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:\d+\.\d+\.\d+-", dockerfile, re.M)
    assert re.findall(r"^USER (\S+)", dockerfile, re.M) == ["10001"]
