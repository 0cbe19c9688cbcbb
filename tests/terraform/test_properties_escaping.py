"""Text of every kind through real Terraform and back: one root holds the whole batch."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from buildkit_dagster.process import run
from buildkit_dagster.terraform.render import expression
from buildkit_dagster.terraform.rendered_root import Ref, Text
from buildkit_dagster.terraform.state import parse_state
from tests.properties import examples, texts

REF = Ref("net", "part", "id")
#: What Terraform itself does to text: it normalises it, and lone surrogates or NUL are no text to it.
plain = st.lists(texts | st.text(alphabet='$%{}"\\~ a\n', max_size=8), min_size=3, max_size=3)


def test_terraform_reads_every_text_as_it_was_meant(tmp_path: Path) -> None:
    batch: list[list[str]] = [["$", "$$", "$$$"], ["\r", "\r${a}", "\r\n"], ["%", "$%", "%%"]]
    batch += [["${", "{", "$"], ["$", "{a}", ""], ["", "", ""]]

    @given(plain)
    @examples(60)
    def collect(parts: list[str]) -> None:
        batch.append([part.replace("\0", "") for part in parts])

    collect()
    outputs = {f"text_{number}": _output(parts) for number, parts in enumerate(batch)}
    root = {"variable": {REF.variable: {"default": "${id}"}}, "output": outputs}
    (tmp_path / "main.tf.json").write_text(json.dumps(root))
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    applied = run(["terraform", "apply", "-auto-approve", "-no-color"], cwd=tmp_path, env=env, timeout=600)
    assert applied.returncode == 0, applied.stderr
    found = parse_state((tmp_path / "terraform.tfstate").read_text()).outputs
    wrong = [(parts, found[f"text_{number}"]) for number, parts in enumerate(batch)]
    assert [pair for pair in wrong if not _is_right(*pair)] == []


def _output(parts: list[str]) -> dict[str, object]:
    first, second, last = parts
    return {"value": expression({"alone": first, "around": Text(first, second, REF, last), f"key {second}": [last]})}


def _is_right(parts: list[str], value: object) -> bool:
    first, second, last = (_normal(part) for part in parts)
    return value == {"alone": first, "around": _normal(f"{first}{second}${{id}}{last}"), f"key {second}": [last]}


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)
