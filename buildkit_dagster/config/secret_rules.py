"""Where configuration shows a secret: in a tag called after one, or in a setting that is sent or passed on as written.

Pure functions from a draft to problems, as in `rules.py`, which calls them. A value is never shown. That a secret is in
the cloud of its job is `places.py`'s, which names are those of secrets `terraform/secret_names.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from buildkit_dagster.config.draft import Draft, Entry
from buildkit_dagster.config.problems import KeyPath, Problem
from buildkit_dagster.terraform.secret_names import is_reference, is_secret_name

#: Settings of a connector whose keys are not ours, and where what is secret of them belongs.
_OF_CONNECTORS: Mapping[KeyPath, str] = {
    ("headers",): "`auth`",
    ("query",): "`password`",
    ("arguments",): "`secrets`",
    ("auth", "access_token_request_data"): "`client_secret`",
}
#: The same of what a job reads.
_OF_JOBS: Mapping[KeyPath, str] = {
    ("source", "params"): "`auth` of its connector",
    ("source", "json"): "`auth` of its connector",
    ("source", "arguments"): "`secrets` of its connector",
}
#: What is a secret wherever it stands: keys of AWS (IAM user guide, "IAM identifiers", "Unique identifiers"), tokens of
#: GitHub (its documentation, "About authentication to GitHub", "GitHub's token formats"), GitLab and Slack, private
#: keys, signed JSON web tokens.
_SECRET_TEXT = re.compile(
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22}|\bglpat-[\w-]{20}|\bxox[abeprs]-[\w-]{10}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\beyJ[\w-]{10,}\.eyJ[\w-]{10}"
)
#: Where a dbt project's plain variables are.
_PLAIN: KeyPath = ("environment_variables",)
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:")
#: A header that carries a secret without being called after one.
_HEADERS = ("authorization", "proxy-authorization")


def secret_tags(draft: Draft) -> Iterator[Problem]:
    """Whoever may list resources or reads a bill sees every tag."""
    for entry, path in _places(draft, [("tags",)], [("infrastructure", "metadata")]):
        for key in filter(is_secret_name, _at(entry, path)):
            yield entry.document.problem(
                (*path, key),
                f"{key!r} is the name of a secret, and everybody who sees a resource or a bill sees its tags; keep the "
                "value in Secrets Manager, and tag with another name what is no secret",
            )


def secret_settings(draft: Draft) -> Iterator[Problem]:
    """A secret is named where the connector asks for its name; whoever reads the file would read any other."""
    for entry, path in _places(draft, _OF_CONNECTORS, _OF_JOBS):
        for key in _secret_keys(_at(entry, path)):
            yield entry.document.problem(
                (*path, *key),
                f"{key[-1]!r} carries a secret, and its value stands here for everybody who reads the file; keep it in "
                f"Secrets Manager, and write its name in {_OF_CONNECTORS.get(path) or _OF_JOBS[path]}",
            )


def secret_variables(draft: Draft) -> Iterator[Problem]:
    """CodeBuild shows plain variables to whoever may see the project, and hands on the ARN of a secret as it is."""
    for entry in draft.projects:
        for name, value in _at(entry, _PLAIN).items():
            if isinstance(value, str) and _SECRET_ARN.match(value):
                fault = "holds the ARN of a secret, which a build gets as text"
            elif is_secret_name(name) and value and not is_reference(value):
                fault = "carries a secret, and its value stands here for everybody who reads the file"
            else:
                continue
            yield entry.document.problem(
                (*_PLAIN, name), f"{name!r} {fault}; write it in `secrets_manager_variables`, by the ARN of the secret"
            )


def secret_texts(draft: Draft) -> Iterator[Problem]:
    """Tokens and keys that are known by their form, anywhere in a file's entries or in the platform's tags."""
    whole: Iterable[Entry[Any]] = (*draft.projects, *draft.jobs, *draft.assets.values(), *draft.connectors.values())
    for entry, start in (*((each, ()) for each in whole), (draft.config, ("tags",))):
        for path, text in _texts(_at(entry, start), start):
            if _SECRET_TEXT.search(text):
                yield entry.document.problem(
                    path,
                    "the text has the form of a secret, and stands here for everybody who reads the file; keep it "
                    "in Secrets Manager, and give it a new value, since this one was written down",
                )


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Every text below a value, and where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def _places(
    draft: Draft, of_connectors: Iterable[KeyPath], of_jobs: Iterable[KeyPath]
) -> Iterator[tuple[Entry[Any], KeyPath]]:
    yield from product(draft.connectors.values(), of_connectors)
    yield from product(draft.jobs, of_jobs)


def _secret_keys(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Where in a setting a text or number stands under the name of a secret."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            named = is_secret_name(key) or (not path and key.lower() in _HEADERS)
            if named and not isinstance(inner, (Mapping, list, bool, type(None))) and not is_reference(inner):
                yield (*path, key)
            else:
                yield from _secret_keys(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secret_keys(inner, (*path, index))


def _at(entry: Entry[Any], path: KeyPath) -> Mapping[str, Any]:
    """The mapping written at `path`, also in an entry that has problems elsewhere."""
    data = entry.document.data
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}
