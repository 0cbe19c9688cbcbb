"""Elementary after a project's build: the commands that make its report and send its alerts, and what they said; pure.

`edr` and its dbt package are in the user's image and project; nothing of them is here. The commands run after the
build's own, also when those failed, and what becomes of them never decides how the build ends. The published asset is
made in `defs/dbt_elementary.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from buildkit_dagster.config.projects import DbtProject

#: The branch GitHub Pages serves.
PAGES_BRANCH = "gh-pages"

_SAID = "buildkit: elementary "
_LINE = re.compile(rf"^{_SAID}(?P<what>report|alerts) (?P<how>published|sent|failed)$")

#: `edr` takes every option from the environment too (`EDR_<COMMAND>_<OPTION>`): no value is in an argument list.
_REPORT, _SEND, _MONITOR = "EDR_REPORT_", "EDR_SEND_REPORT_", "EDR_MONITOR_"

#: Clones the pages' branch, or begins it; replaces the report; pushes when that changed something.
_PUBLISH_PAGES = f"""\
pages=$(mktemp -d) && origin=$(git remote get-url origin) &&
{{ git clone -q --depth 1 --branch {PAGES_BRANCH} "$origin" "$pages" 2>/dev/null ||
{{ git init -q "$pages" && git -C "$pages" checkout -q --orphan {PAGES_BRANCH}; }}; }} &&
cp "$report/index.html" "$pages/index.html" && touch "$pages/.nojekyll" && git -C "$pages" add --all &&
{{ git -C "$pages" diff --cached --quiet 2>/dev/null ||
git -C "$pages" -c user.name=buildkit -c user.email=buildkit@localhost commit -q -m "Elementary report"; }} &&
git -C "$pages" push -q "$origin" HEAD:{PAGES_BRANCH}"""


@dataclass(frozen=True)
class Said:
    """What a line of the build's log says about Elementary."""

    what: str
    ok: bool


def said(line: str) -> Said | None:
    """None for a line that is not ours."""
    found = _LINE.match(line.strip())
    return Said(found["what"], found["how"] != "failed") if found else None


def report_key(prefix: str) -> str:
    """Where the report lies below the prefix of a project's artifacts."""
    return f"{prefix}elementary/index.html"


def pages_link(project: DbtProject) -> str:
    """Where GitHub serves the pages of the project's repository."""
    host = f"{project.org.lower()}.github.io"
    return f"https://{host}/" if project.repo.lower() == host else f"https://{host}/{project.repo}/"


def commands(project: DbtProject) -> tuple[str, ...]:
    """What runs after the build's own commands; empty where Elementary is not active."""
    if not project.elementary.active:
        return ()
    alerts = (f"if edr monitor; then {_say('alerts sent')}; else {_say('alerts failed')}; fi",)
    report = f'report=$(mktemp -d) && edr report --file-path "$report/index.html" && {_PUBLISH_PAGES}'
    publish = report if project.elementary.gitpages else "edr send-report"
    return (
        *(alerts if _sends_alerts(project) else ()),
        f"if {publish}; then {_say('report published')}; else {_say('report failed')}; fi",
    )


def variables(project: DbtProject, environment: str, bucket: str, prefix: str) -> dict[str, str]:
    """Plain variables the commands read."""
    if not project.elementary.active:
        return {}
    title = project.elementary.description or project.name
    found = {f"{command}ENV": environment for command in (_REPORT, _SEND, _MONITOR)}
    found |= {f"{command}PROJECT_NAME": title for command in (_REPORT, _SEND)}
    found |= {f"{_REPORT}OPEN_BROWSER": "false", f"{_SEND}UPDATE_BUCKET_WEBSITE": "false"}
    found |= {f"{_SEND}S3_BUCKET_NAME": bucket, f"{_SEND}BUCKET_FILE_PATH": report_key(prefix)}
    if _sends_alerts(project):
        found[f"{_MONITOR}SLACK_CHANNEL_NAME"] = project.elementary.channel.removeprefix("#")
    return found


def secrets(project: DbtProject) -> Mapping[str, str]:
    """Secret variables as references: the `token` of the project's Slack secret."""
    if not _sends_alerts(project):
        return {}
    return {f"{_MONITOR}SLACK_TOKEN": f"{project.slack_notification.secret}:token"}


def _sends_alerts(project: DbtProject) -> bool:
    """Elementary needs a channel, and a token that may write there: the one the project's own messages use."""
    elementary, slack = project.elementary, project.slack_notification
    return bool(elementary.active and elementary.channel and (slack.active or slack.secret_name))


def _say(text: str) -> str:
    return f"echo '{_SAID}{text}'"
