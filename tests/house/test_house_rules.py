"""The rules of the house that no linter knows: who may import what, what never stands in a committed file."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from buildkit_dagster import process

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "buildkit_dagster"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION = 60

#: What may be imported in which part of the package only; paths are below the package, a folder ends in a slash.
IMPORT_RULES = {
    "dagster": ("defs/", "definitions.py", "__init__.py"),
    "dagster_aws": ("defs/",),
    "dagster_dbt": ("defs/",),
    "dagster_pipes": ("defs/", "runtimes/entrypoints/"),
    "subprocess": ("process.py", "emulator/", "runtimes/entrypoints/"),
    "boto3": ("cloud/", "emulator/", "runtimes/entrypoints/"),
    "google": ("cloud/", "runtimes/entrypoints/"),
    "googleapiclient": ("cloud/",),
    "dagster_gcp": ("defs/",),
    "moto": ("emulator/",),
    "typer": ("cli.py", "commands/"),
    "rich": ("cli.py", "commands/"),
}
ENVIRONMENT_READERS = ("config/environment.py", "emulator/", "runtimes/entrypoints/")
#: The inner ring knows nothing of the outer ring and of the doors.
INNER = ("config/", "terraform/", "stacks/", "runtimes/", "cloud/", "rules/", "notify/", "emulator/")

FORBIDDEN_TEXT = {
    "a path of somebody's machine": re.compile(r"(?<![\w.$~{])/(?:work|root|home/\w+|Users/\w+)/\w"),
    "a package registry": re.compile(r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org)\b"),
    "an account id that is no example": re.compile(
        r"(?<![\w.-])(?!123456789012|111122223333|(\d)\1{11})\d{12}(?![\w.-])"
    ),
    "an access key": re.compile(r"\bAKIA(?!IOSFODNN7EXAMPLE|[A-Z]*EXAMPLE)[A-Z0-9]{16}\b"),
}


def committed_files() -> list[Path]:
    found = process.run(["git", "ls-files"], cwd=REPOSITORY, env={"PATH": os.environ["PATH"]}, timeout=120)
    assert found.returncode == 0, found.stderr
    return [REPOSITORY / line for line in found.stdout.splitlines() if (REPOSITORY / line).is_file()]


def name_of(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()


def imports_of(module: Path) -> Iterator[str]:
    """Names of imported modules, those for type checking only left out."""
    tree = ast.parse(module.read_text())
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def is_allowed(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or (place.endswith("/") and module.startswith(place)) for place in places)


@pytest.mark.parametrize("library", IMPORT_RULES)
def test_a_library_is_imported_only_where_it_belongs(library: str) -> None:
    importers = {
        name_of(module)
        for module in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imports_of(module))
    }
    assert sorted(name for name in importers if not is_allowed(name, IMPORT_RULES[library])) == []


def test_the_inner_ring_imports_nothing_of_the_outer_ring() -> None:
    outer = (
        "buildkit_dagster.defs",
        "buildkit_dagster.cli",
        "buildkit_dagster.commands",
        "buildkit_dagster.definitions",
    )
    breaches = [
        f"{name_of(module)} imports {name}"
        for module in MODULES
        if is_allowed(name_of(module), INNER)
        for name in imports_of(module)
        if name.startswith(outer)
    ]
    assert breaches == []


def test_the_process_environment_is_read_in_one_place() -> None:
    readers = {
        name_of(module)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and _is_os(node.value)
    }
    assert sorted(name for name in readers if not is_allowed(name, ENVIRONMENT_READERS)) == []


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"


def test_every_module_says_what_belongs_in_it() -> None:
    without = [name_of(module) for module in MODULES if not ast.get_docstring(ast.parse(module.read_text()))]
    assert without == []


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{name_of(module)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_the_tree_of_errors_names_every_error() -> None:
    files = [module for module in MODULES if module.parent.name == "errors"]
    drawn = ast.get_docstring(ast.parse((PACKAGE / "errors/__init__.py").read_text())) or ""
    classes = {
        node.name for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)
    }
    assert len(classes) > 100
    assert {name for name in classes if not re.search(rf"\b{name}\b", drawn)} == set()


def test_an_ignored_type_error_is_named() -> None:
    bare = [
        f"{name_of(module)}:{number}"
        for module in MODULES
        for number, line in enumerate(module.read_text().splitlines(), start=1)
        if re.search(r"#\s*type:\s*ignore(?!\[)", line)
    ]
    assert bare == []


def test_a_parity_mark_names_a_row_of_the_list() -> None:
    listed = yaml.safe_load((REPOSITORY / "tests/parity.yaml").read_text())
    known = {*listed["promises"], *listed["failures"]}
    unknown = {
        f"{test.name}: {row}"
        for test in (REPOSITORY / "tests").rglob("test_*.py")
        for mark in re.findall(r"mark\.parity\(([^)]*)\)", test.read_text())
        for row in re.findall(r'(?<!f)"([AB][-!][^"]*)"', mark)
        # Rows of the workflows, the documents and the failures of single steps are listed with what builds them.
        if row not in known and not re.fullmatch(r"A-2\d\d", row)
    }
    assert not unknown


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    skipping = re.compile(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|unittest\.mock")
    found = [
        str(file.relative_to(REPOSITORY))
        for file in sorted((REPOSITORY / "tests").rglob("*.py"))
        if skipping.search(file.read_text()) and file != Path(__file__)
    ]
    assert found == []


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_no_committed_file_holds(what: str) -> None:
    found = []
    for file in committed_files():
        if file == Path(__file__) or file.suffix in (".png", ".zip"):
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
            if FORBIDDEN_TEXT[what].search(line):
                found.append(f"{file.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {_distribution(name) for name in wanted}
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = {_distribution(line) for line in lines if "==" in line}
    # An extra may name the package itself, for another extra's sake.
    assert sorted(names - pinned - {project["name"]}) == []


def _distribution(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()
