"""`make screenshot`: bring the demo's platform up and take Dagster's lineage page in a real headless browser.

The browser is the system's Chromium; Playwright drives it. The page is taken once every asset is drawn as materialized.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from buildkit_dagster.commands.common import open_platform
from buildkit_dagster.commands.demo import ending_on_sigterm, say_since
from buildkit_dagster.defs.demo import bring_up, local_platform
from buildkit_dagster.defs.services import webserver
from buildkit_dagster.errors import BuildkitError, EnvironmentProblem

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 2400, "height": 900}


def find_browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise EnvironmentProblem(
            f"no browser found; install one of {', '.join(BROWSERS)} (Debian: apt-get install chromium)"
        )
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def take(page: Page, address: str, target: Path) -> None:
    """The groups and how they hang together. The page shows no sign of having drawn them: it is given time."""
    page.goto(f"{address}/asset-groups")
    whole = page.get_by_role("button", name="Materialize all")
    whole.wait_for(timeout=60_000)
    page.get_by_text("Hide navigation").click()
    page.reload()
    whole.wait_for(timeout=60_000)
    time.sleep(8)
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)


def main(target: Path) -> None:
    browser = find_browser()
    opened = open_platform("dev")
    with (
        ending_on_sigterm(),
        local_platform(opened.platform, opened.process, say_since(time.monotonic())) as local,
        tempfile.TemporaryDirectory() as profile,
    ):
        bring_up(local)
        with webserver(opened.platform, opened.process, free_port()) as address, sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=browser, headless=True, args=FLAGS, viewport=SIZE, env=dict(os.environ)
            )
            take(context.pages[0], address, target)
            context.close()
    print(f"Wrote {target}.")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except BuildkitError as error:
        sys.exit(f"screenshot: {error}")
