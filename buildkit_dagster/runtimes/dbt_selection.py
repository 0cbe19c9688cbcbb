"""From a project's commands to the commands of a partial run; pure.

A full selection runs the commands as written. A subset narrows each dbt command that runs nodes (build, run, test,
seed, snapshot) to the selected ones and refuses what cannot be narrowed. The text of a command is kept: words are
taken apart only to find dbt's own options, so quotes and variables reach the shell as the user wrote them. How the
commands are run belongs to `codebuild.py`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import yaml

from buildkit_dagster.errors import CommandNotNarrowable

#: Commands that run nodes and take `--select`.
NODE_COMMANDS = frozenset({"build", "run", "test", "seed", "snapshot"})

#: Commands that change no data of the warehouse's models: they run as written, also for a subset.
SETUP_COMMANDS = frozenset(
    {"deps", "debug", "parse", "clean", "compile", "docs", "list", "ls", "show", "source", "init"}
)

#: From this many names on, dbt reads the selection from a file: command lines have a limit.
MANY = 200

SELECTOR = "buildkit_selection"
SELECTORS_FILE = "selectors.yml"

_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_OPERATOR = re.compile(r"[;&|<>()\n#]")
_SUBSTITUTION = re.compile(r"`|\$\(")
_FRESHNESS = re.compile(r"\bsource\s+(snapshot-)?freshness\b")
_QUOTED = re.compile(r"""'[^']*'|\\.""", re.DOTALL)
#: From `dbt --help`; the word after one of these is its value.
_GLOBAL_OPTIONS_WITH_VALUE = frozenset(
    [
        "--defer-state",
        "--indirect-selection",
        "--log-file-max-bytes",
        "--log-format",
        "--log-format-file",
        "--log-level",
        "--log-level-file",
        "--log-path",
        "--partial-parse-file-path",
        "--printer-width",
        "--profile",
        "--project-dir",
        "--profiles-dir",
        "--record-timing-info",
        "--state",
        "--target",
        "--warn-error-options",
        "-r",
        "-t",
    ]
)
_ATTACHED = re.compile(r"^-[sm][^=]")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_OPTIONS = {
    **dict.fromkeys(("--select", "-s", "--models", "--model", "-m"), "select"),
    "--exclude": "exclude",
}


@dataclass(frozen=True)
class Commands:
    """What to run, in order, and the files (name in the project's folder: text) to write before."""

    commands: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _NodeCommand:
    """A dbt command that runs nodes: its words without selection, and the terms it selects and excludes."""

    rest: tuple[str, ...]
    select: tuple[str, ...]
    exclude: tuple[str, ...]


def narrow(commands: Sequence[str], names: Sequence[str] | None, *, indirect: str | None = None) -> Commands:
    """The commands for the dbt nodes called `names` (fully qualified), or all as written when that is None.

    What a command selects itself stays in force: the result runs the intersection. With no names, commands that run
    nodes are left out. `indirect` is the indirect selection the run depends on. Raises `CommandNotNarrowable`.
    """
    if names is None:
        return Commands(tuple(commands))
    narrowed: list[str] = []
    selectors: list[dict[str, Any]] = []
    for command in commands:
        node = _node_command(command, indirect)
        if node is None:
            narrowed.append(command)
        elif not names:
            continue
        elif len(names) * max(1, len(node.select)) <= MANY:
            narrowed.append(_with_options(node, names))
        else:
            selectors.append({"name": f"{SELECTOR}_{len(selectors)}", "definition": _definition(node, names)})
            narrowed.append(" ".join([*node.rest, "--selector", selectors[-1]["name"]]))
    files = ((SELECTORS_FILE, yaml.safe_dump({"selectors": selectors}, sort_keys=False)),) if selectors else ()
    return Commands(tuple(narrowed), files)


def modified(commands: Sequence[str], state: str, *, defer: bool) -> Commands:
    """The commands for what differs from the manifest in the folder `state` (a word of the shell), and what follows.

    With `defer`, what is not built here is read from where the manifest says it is.
    """
    # Variables, because not every command takes both options; an option of the command's own wins.
    given = f"export DBT_STATE={state} DBT_DEFER={'true' if defer else 'false'}"
    return Commands((given, *narrow(commands, ["state:modified+"]).commands))


def asks_for_freshness(command: str) -> bool:
    """Whether it has dbt look how old the sources are."""
    return calls_dbt(command) and bool(_FRESHNESS.search(command))


def plain_dbt_words(command: str) -> list[str] | None:
    """The words of a command that is dbt and nothing else, None when a shell is needed to run it."""
    words = shlex.split(command)
    return words if words[:1] == ["dbt"] and not _has_operator(command) and "$" not in command else None


def _with_options(node: _NodeCommand, names: Sequence[str]) -> str:
    """dbt's union is a space and its intersection a comma: (a b) and (x y) is a,x a,y b,x b,y.

    Each list is one word: dagster-dbt, which runs the command locally, knows options of one value only.
    """
    terms = [f"{own},{name}" for own in node.select for name in names] or list(names)
    exclude = ["--exclude", shlex.quote(" ".join(node.exclude))] if node.exclude else []
    return " ".join([*node.rest, "--select", shlex.quote(" ".join(terms)), *exclude])


def _definition(node: _NodeCommand, names: Sequence[str]) -> dict[str, Any]:
    """The same as a selector: dbt ignores `--select` and `--exclude` next to `--selector`, so both are in it."""
    parts: list[Any] = [{"union": list(names)}]
    if node.select:
        parts.append({"union": [_selector_term(term) for term in node.select]})
    if node.exclude:
        parts.append({"exclude": [_selector_term(term) for term in node.exclude]})
    return {"intersection": parts}


def _selector_term(term: str) -> Any:
    """A term of the command line; in a selector a comma means nothing."""
    parts = term.split(",")
    return term if len(parts) == 1 else {"intersection": parts}


def _node_command(command: str, indirect: str | None) -> _NodeCommand | None:
    """The command taken apart, None when it runs as written."""
    if not calls_dbt(command):
        return None
    words = _WORD.findall(command)
    start = next(i for i, word in enumerate(words) if not _ASSIGNMENT.match(word))
    if words[start] != "dbt" or _has_operator(command):
        raise CommandNotNarrowable(command, "it is more than one plain dbt command")
    verb = _verb(command, words[start + 1 :])
    if verb in SETUP_COMMANDS:
        return None
    if verb not in NODE_COMMANDS:
        raise CommandNotNarrowable(command, f"`dbt {verb}` takes no selection")
    return _taken_apart(command, words, indirect)


def _taken_apart(command: str, words: Sequence[str], indirect: str | None) -> _NodeCommand:
    found: dict[str, list[str]] = {"": [], "select": [], "exclude": []}
    current = ""
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--selector":
            raise CommandNotNarrowable(command, "it selects by `--selector`, which cannot be intersected")
        if option == "--indirect-selection" and indirect is not None:
            raise CommandNotNarrowable(command, f"the selected checks need `--indirect-selection {indirect}`")
        if _ATTACHED.match(word):
            raise CommandNotNarrowable(command, f"{word!r} needs a space after its option")
        if option in _OPTIONS:
            current = _OPTIONS[option]
            found[current] += _terms(command, value) if equals else []
        elif current and not word.startswith("-"):
            found[current] += _terms(command, word)
        else:
            current = ""
            found[""].append(word)
    return _NodeCommand(tuple(found[""]), tuple(found["select"]), tuple(found["exclude"]))


def _terms(command: str, word: str) -> list[str]:
    if "$" in _QUOTED.sub("", word):
        raise CommandNotNarrowable(command, "its selection depends on a shell variable")
    return " ".join(shlex.split(word)).split()


def _verb(command: str, words: Sequence[str]) -> str:
    """dbt's subcommand: the first word that is neither a global option nor the value of one."""
    for before, word in pairwise(["dbt", *words]):
        if not word.startswith("-") and before not in _GLOBAL_OPTIONS_WITH_VALUE:
            return word
    raise CommandNotNarrowable(command, "it names no dbt command")


def calls_dbt(command: str) -> bool:
    """Whether the word dbt stands anywhere in it, whatever quotes, paths or shell operators are around it."""
    return "dbt" in re.split(r"[\s;&|<>()`\"'$/]+", command)


def _has_operator(command: str) -> bool:
    """Whether the shell would make more of it than one command; double quotes hide all but substitutions."""
    text = _QUOTED.sub("", command)
    outside = re.sub(r'"[^"]*"', "", text)
    return bool(_OPERATOR.search(outside) or _SUBSTITUTION.search(text))
