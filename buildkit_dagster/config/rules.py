"""What the entries of a platform must not say about each other: duplicate names, references that lead nowhere.

Pure functions from a draft to problems. Rules of single values are in `models.py`.
"""

from __future__ import annotations

from buildkit_dagster.config.draft import Draft
from buildkit_dagster.config.problems import Problem


def problems_between(draft: Draft) -> list[Problem]:
    return []
