"""Where a run's secrets come from: the environment, the variables and files of a root, its state, its plan.

Each function takes in what is secret by mark or by name; nothing is returned and nothing kept. What is done with them
is `redaction.py`, which names are secret `secret_names.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from buildkit_dagster.terraform.redaction import Secrets, passwords
from buildkit_dagster.terraform.secret_names import is_reference, is_secret_name, named_secrets

#: How files end in which a root and its modules are written.
CODE = (".tf", ".tf.json", ".tfvars", ".tfvars.json")
_LITERAL = r'"(?P<text>(?:[^"\\\n]|\\.)*)"|<<-?[ \t]*(?P<end>\w+)[ \t]*\n(?P<lines>.*?)^[ \t]*(?P=end)\b'
_ASSIGNED = re.compile(
    rf'(?P<name>[A-Za-z_][\w-]*)"?\)?[ \t]*[=:][ \t\n]*(?:{_LITERAL}|(?P<open>[\[{{]))', re.MULTILINE | re.DOTALL
)
_PAIR = re.compile(r'\b(?:name|key)\s*=\s*"([^"\n]*)"\s*,?\s*value\s*=\s*"((?:[^"\\\n]|\\.)*)"')
_ANY_LITERAL = re.compile(_LITERAL, re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r'^[ \t]*variable[ \t]+"?([\w-]+)"?[ \t]*\{', re.MULTILINE)
_IS_SENSITIVE = re.compile(r"^[ \t]*sensitive[ \t]*=[ \t]*true\b", re.MULTILINE)
_DEFAULT = re.compile(rf"^[ \t]*default[ \t]*=[ \t\n]*(?:{_LITERAL}|(?P<open>[\[{{]))", re.MULTILINE | re.DOTALL)
#: Signs after a backslash in a quoted HCL text.
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def learn_environment(secrets: Secrets, variables: Mapping[str, str]) -> None:
    """Variables with a secret's name, and passwords in addresses whatever they are called."""
    for name, value in variables.items():
        if is_secret_name(name) and not is_reference(value):
            secrets.add(value)
        else:
            secrets.add(list(passwords(value)))


def learn_variables(secrets: Secrets, values: Mapping[str, Any], sensitive: Iterable[str]) -> None:
    """The values a root is given; `sensitive` names the variables it declares so."""
    secrets.add_named(values, frozenset(sensitive))


def learn_files(secrets: Secrets, files: Iterable[Path], sensitive: Iterable[str] = ()) -> None:
    """Literals in configuration files (HCL, JSON, tfvars) under a secret's name or that of a sensitive variable."""
    texts = {file: file.read_text(errors="replace") for file in files}
    written = {file: text for file, text in texts.items() if file.suffix != ".json"}
    names = frozenset(sensitive) | {name for text in written.values() for name in _sensitive_variables(text)}
    for file, text in texts.items():
        if file in written:
            secrets.add(list(_in_hcl(text, names)))
        else:
            secrets.add(list(_in_json(text, names)))


def learn_state(secrets: Secrets, state: Mapping[str, Any]) -> None:
    """A state file (format version 4)."""
    for block in state.get("resources", ()):
        for instance in block.get("instances", ()):
            attributes = instance.get("attributes") or {}
            secrets.add_named(attributes)
            secrets.add([_at(attributes, path) for path in instance.get("sensitive_attributes") or () if path])
    _learn_outputs(secrets, state.get("outputs") or {})


def learn_plan(secrets: Secrets, plan: Mapping[str, Any]) -> None:
    """What `terraform show -json` says of a saved plan."""
    for item in [*(plan.get("resource_changes") or ()), *(plan.get("resource_drift") or ())]:
        _learn_change(secrets, item["change"])
    for name, change in (plan.get("output_changes") or {}).items():
        _learn_change(secrets, {**change, "before": {name: change.get("before")}, "after": {name: change.get("after")}})
        secrets.add([list(_marked(change.get(side), change.get(f"{side}_sensitive"))) for side in ("before", "after")])
    values = (plan.get("prior_state") or {}).get("values") or {}
    _learn_module(secrets, values.get("root_module") or {})
    _learn_outputs(secrets, values.get("outputs") or {})
    declared = ((plan.get("configuration") or {}).get("root_module") or {}).get("variables") or {}
    sensitive = {name for name, body in declared.items() if body.get("sensitive")}
    given = {name: body.get("value") for name, body in (plan.get("variables") or {}).items()}
    learn_variables(secrets, given, sensitive)


def _learn_change(secrets: Secrets, change: Mapping[str, Any]) -> None:
    for side in ("before", "after"):
        secrets.add_named(change.get(side) or {})
        secrets.add(list(_marked(change.get(side), change.get(f"{side}_sensitive"))))


def _learn_module(secrets: Secrets, module: Mapping[str, Any]) -> None:
    for resource in module.get("resources") or ():
        secrets.add_named(resource.get("values") or {})
        secrets.add(list(_marked(resource.get("values"), resource.get("sensitive_values"))))
    for inner in module.get("child_modules") or ():
        _learn_module(secrets, inner)


def _learn_outputs(secrets: Secrets, outputs: Mapping[str, Mapping[str, Any]]) -> None:
    for name, output in outputs.items():
        secrets.add_named({name: output.get("value")}, frozenset({name} if output.get("sensitive") else ()))


def _marked(value: Any, marks: Any) -> Iterator[Any]:
    """The parts of a value that are marked; marks mirror its shape."""
    if marks is True:
        yield value
    elif isinstance(marks, Mapping) and isinstance(value, Mapping):
        for name, mark in marks.items():
            yield from _marked(value.get(name), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for inner, mark in zip(value, marks, strict=False):
            yield from _marked(inner, mark)


def _at(value: Any, path: Iterable[Mapping[str, Any]]) -> Any:
    """The part of a resource's attributes at a path of the state; the last part that is there where it leads on."""
    for step in path:
        key = step.get("value")
        key = key.get("value") if isinstance(key, Mapping) else key
        value = _bare(value)
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return value
    return _bare(value)


def _bare(value: Any) -> Any:
    """An attribute of any type is kept as `{value, type}`."""
    return value["value"] if isinstance(value, Mapping) and value.keys() == {"value", "type"} else value


def _sensitive_variables(text: str) -> Iterator[str]:
    for name, body in _variables(text):
        if _IS_SENSITIVE.search(body):
            yield name


def _variables(text: str) -> Iterator[tuple[str, str]]:
    for found in _VARIABLE.finditer(text):
        yield found[1], _enclosed(text, found.end() - 1)


def _in_hcl(text: str, names: frozenset[str]) -> Iterator[str]:
    for found in _ASSIGNED.finditer(text):
        if found["name"] in names or is_secret_name(found["name"]):
            yield from _literals(text, found)
    for name, value in _PAIR.findall(text):
        if is_secret_name(name):
            yield from _constant(value)
    for name, body in _variables(text):
        default = _DEFAULT.search(body) if name in names or is_secret_name(name) else None
        if default is not None:
            yield from _literals(body, default)


def _literals(text: str, found: re.Match[str]) -> Iterator[str]:
    if found["open"]:
        for inner in _ANY_LITERAL.finditer(_enclosed(text, found.start("open"))):
            yield from _literal(inner)
    else:
        yield from _literal(found)


def _literal(found: re.Match[str]) -> Iterator[str]:
    if found["text"] is not None:
        yield from _constant(found["text"])
    else:
        lines = found["lines"]
        yield from () if "${" in lines.replace("$${", "") else (lines,)


def _constant(quoted: str) -> Iterator[str]:
    """The text a quoted HCL literal stands for; nothing where it has expressions in it, or only refers."""
    if "${" in quoted.replace("$${", ""):
        return
    text = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", _unescaped, quoted).replace("$${", "${").replace("%%{", "%{")
    if not is_reference(text):
        yield text


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if code[0] == "u" and len(code) == 5 else _ESCAPES.get(code, code)


def _enclosed(text: str, start: int) -> str:
    """From an opening bracket to the one that closes it, quoted texts left aside."""
    depth = 0
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*"|[\[{(]|[\]})]', text[start:]):
        sign = found[0]
        depth += (sign in "[{(") - (sign in "]})") if len(sign) == 1 else 0
        if depth == 0:
            return text[start : start + found.end()]
    return text[start:]


def _in_json(text: str, names: frozenset[str]) -> Iterator[Any]:
    """In JSON syntax the names of blocks are keys as well, and what they hold is not secret by them."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, Mapping):
        return
    blocks = {name: document[name] for name in ("variable", "output", "module", "resource", "data") if name in document}
    for value in named_secrets({name: inner for name, inner in document.items() if name not in blocks}, also=names):
        yield from _constants(value)
    for kind, inner in blocks.items():
        for labels, body in _labelled(inner, 2 if kind in ("resource", "data") else 1):
            secret = kind == "variable" and body.get("sensitive") is True
            own = {labels[-1]: body.get("default")} if kind == "variable" else {} if kind == "output" else body
            for value in named_secrets(own, also=names | set(labels[-1:] if secret else ())):
                yield from _constants(value)


def _labelled(value: Any, depth: int) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for item in value if isinstance(value, list) else [value]:
        if depth == 0 and isinstance(item, Mapping):
            yield (), item
        elif isinstance(item, Mapping):
            for label, inner in item.items():
                for labels, body in _labelled(inner, depth - 1):
                    yield (label, *labels), body


def _constants(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from () if "${" in value.replace("$${", "") else (value.replace("$${", "${").replace("%%{", "%{"),)
    elif isinstance(value, (Mapping, list)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _constants(inner)
