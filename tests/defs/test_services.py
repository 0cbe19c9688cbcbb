"""Dagster's own processes, as others on the machine see them."""

import os
import time
from pathlib import Path

from dagster import DagsterInstance
from dagster._daemon.types import DaemonHeartbeat

from buildkit_dagster.defs.services import daemon_lives
from buildkit_dagster.process import started_at


def test_a_daemon_that_is_late_with_its_heartbeat_lives_while_its_process_does(tmp_path: Path) -> None:
    record = tmp_path / "daemon.pid"
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        assert not daemon_lives(instance, tmp_path)
        for age, alone, with_process in ((10, True, True), (70, False, True), (150, False, False)):
            heartbeat = DaemonHeartbeat(time.time() - age, "QUEUED_RUN_COORDINATOR", daemon_id=None, errors=[])
            instance.add_daemon_heartbeat(heartbeat)
            record.unlink(missing_ok=True)
            assert daemon_lives(instance, tmp_path) == alone
            record.write_text(f"{os.getpid()} {started_at(os.getpid())}")
            assert daemon_lives(instance, tmp_path) == with_process
            record.write_text(f"{os.getpid()} 0")  # its number is another process's by now
            assert daemon_lives(instance, tmp_path) == alone
