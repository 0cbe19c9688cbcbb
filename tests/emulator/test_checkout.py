"""The source over SSH with a deploy key, cloned in real builds by real git; only the far end of `ssh` is a stand-in.

It writes down what the real ssh client makes of its options, and what the files they name hold, and serves a local
repository as a Git host does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers import Boto, finish, log, project, start

from buildkit_dagster.config.projects import DbtProject
from buildkit_dagster.data import data_path
from buildkit_dagster.process import run
from buildkit_dagster.runtimes.buildspec import buildspec
from buildkit_dagster.runtimes.checkout import checkout_secrets, checkout_variables, with_checkout

#: The last argument is the command for the far end, `git-upload-pack 'org/repo.git'`.
SSH = """\
#!/bin/bash
command=${{@: -1}}
seen={seen}
/usr/bin/ssh -G "${{@:1:$#-1}}" > "$seen/options"
while [ "$1" != "-i" ]; do shift; done
key=$2
stat -c %a "$key" > "$seen/mode"
cp "$key" "$seen/key"
cp "$(dirname "$key")/known_hosts" "$seen/known_hosts"
dirname "$key" > "$seen/folder"
cd {repositories} && eval "$command"
"""
#: Three kinds of key, as ssh-keygen writes them.
KINDS = ("ed25519", "ecdsa", "rsa")


def execute(*command: str, cwd: Path) -> str:
    done = run(command, cwd=cwd, env={"PATH": os.environ["PATH"], "HOME": str(cwd)}, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def git(*arguments: str, cwd: Path) -> None:
    identity = ("-c", "user.name=example", "-c", "user.email=example@example.com")
    execute("git", *identity, *arguments, cwd=cwd)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder with `ssh`, what it has `seen`, and the repository it serves, whose branches differ."""
    repository = tmp_path / "repositories" / "my-org" / "private.git"
    repository.mkdir(parents=True)
    git("init", "-q", "-b", "main", ".", cwd=repository)
    for branch in ("main", "release"):
        git("checkout", "-q", "-B", branch, cwd=repository)
        (repository / "file.txt").write_text(f"of {branch}")
        git("add", "-A", cwd=repository)
        git("commit", "-q", "-m", branch, cwd=repository)
    (tmp_path / "bin").mkdir()
    (tmp_path / "seen").mkdir()
    script = tmp_path / "bin" / "ssh"
    script.write_text(SSH.format(seen=tmp_path / "seen", repositories=tmp_path / "repositories"))
    script.chmod(0o755)
    return tmp_path


def a_project(secret: str, **more: Any) -> DbtProject:
    said = {"name": "private", "active": True, "org": "my-org", "repo": "private", "engine": "duckdb"}
    return DbtProject.model_validate({**said, "commands": ("dbt build",), "deploy_key": secret, **more})


def build(boto: Boto, host: Path, described: DbtProject, *commands: str) -> tuple[dict[str, Any], str]:
    """One build of the project's source by the commands; its record and its log."""
    spec = with_checkout(buildspec(commands), described)
    path = {"PATH": f"{host / 'bin'}:/usr/bin:/bin"}
    secrets = [
        {"name": name, "value": arn, "type": "SECRETS_MANAGER"} for name, arn in checkout_secrets(described).items()
    ]
    plain = [
        {"name": name, "value": value, "type": "PLAINTEXT"}
        for name, value in {**checkout_variables(described), **path}.items()
    ]
    done = finish(boto, start(boto, project(boto, spec), environmentVariablesOverride=[*plain, *secrets]))
    return done, log(boto, done)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parity("A-8", "A!5")
def test_a_build_clones_its_branch_with_a_key_of_any_kind_and_leaves_no_key(boto: Boto, host: Path, kind: str) -> None:
    execute("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", "id", cwd=host)
    key = (host / "id").read_text()
    secret = boto("secretsmanager").create_secret(Name=f"deploy-{kind}-{host.name}", SecretString=key)["ARN"]
    done, said = build(
        boto,
        host,
        a_project(secret, branch="release"),
        "cat file.txt && git status --porcelain",
        'echo "key: [$BUILDKIT_DEPLOY_KEY]"',
    )
    assert done["buildStatus"] == "SUCCEEDED", said
    assert "of release" in said
    assert "key: []" in said
    assert key.splitlines()[1] not in said
    seen = host / "seen"
    assert (seen / "mode").read_text().strip() == "600"
    assert (seen / "key").read_text().strip() == key.strip()
    assert not Path((seen / "folder").read_text().strip()).exists()
    options = dict(line.split(" ", 1) for line in (seen / "options").read_text().splitlines() if " " in line)
    assert options["hostname"] == "github.com"
    assert options["user"] == "git"
    assert options["stricthostkeychecking"] == "true"
    assert options["identitiesonly"] == "yes"
    assert options["batchmode"] == "yes"
    assert options["globalknownhostsfile"] == "/dev/null"
    assert options["userknownhostsfile"].startswith((seen / "folder").read_text().strip())
    assert all(line.startswith("github.com ") for line in (seen / "known_hosts").read_text().splitlines())


@pytest.mark.parity("A!5")
def test_the_hosts_keys_are_those_the_providers_publish_or_the_projects_own(boto: Boto, host: Path) -> None:
    """The fingerprints are from the providers' documentation."""
    listed = execute("ssh-keygen", "-l", "-f", "known_hosts", cwd=data_path("modules") / "dbt")
    for fingerprint, name in (
        ("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "github.com"),
        ("SHA256:p2QAMXNIC1TJYWeIOttrVc98/R1BUFWu3/LiyKgUfQM", "github.com"),
        ("SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8", "gitlab.com"),
        ("SHA256:HbW3g8zUjNSksFbqTiUWPWg2Bq1x8xdGUrliXFzSnUw", "gitlab.com"),
        ("SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM", "bitbucket.org"),
        ("SHA256:FC73VB6C4OQLSCrjEayhMp9UMxS97caD/Yyi2bhW/J0", "bitbucket.org"),
    ):
        assert f"{fingerprint} {name}" in listed
    secret = boto("secretsmanager").create_secret(Name=f"own-{host.name}", SecretString="a key")["ARN"]
    done, said = build(boto, host, a_project(secret, known_hosts="github.com ssh-ed25519 AAAA"), "cat file.txt")
    assert done["buildStatus"] == "SUCCEEDED", said
    assert (host / "seen" / "known_hosts").read_text() == "github.com ssh-ed25519 AAAA\n"


def test_a_branch_that_is_not_there_fails_before_any_command_and_leaves_no_key(boto: Boto, host: Path) -> None:
    secret = boto("secretsmanager").create_secret(Name=f"branch-{host.name}", SecretString="a key")["ARN"]
    done, said = build(boto, host, a_project(secret, branch="nowhere"), "echo a command ran")
    assert done["buildStatus"] == "FAILED"
    assert "nowhere" in said
    assert "\na command ran" not in said
    assert not Path((host / "seen" / "folder").read_text().strip()).exists()


@pytest.mark.parametrize(("kind", "domain"), [("GITLAB", "gitlab.com"), ("BITBUCKET", "bitbucket.org")])
@pytest.mark.parity("A!38")
def test_gitlab_and_bitbucket_are_sources_too(boto: Boto, kind: str, domain: str) -> None:
    name = project(boto, json.dumps({"version": 0.2, "phases": {"build": {"commands": ["ls pyproject.toml"]}}}))
    source = {"type": kind, "location": f"https://{domain}/example-org/skyline"}
    found = boto("codebuild").batch_get_projects(names=[name])["projects"][0]["source"]
    boto("codebuild").update_project(name=name, source={**source, "buildspec": found["buildspec"]})
    done = finish(boto, start(boto, name))
    assert done["buildStatus"] == "SUCCEEDED", log(boto, done)
