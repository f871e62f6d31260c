"""A host over ssh: scripts, sockets, one connection for all, and how failures are reported."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts.ssh import SshHost
from ssh_double import asked, ssh_double


def test_script_runs_in_a_shell_over_the_open_connection(tmp_path: Path) -> None:
    words = [*ssh_double(tmp_path), "host"]
    for _ in range(2):
        with SshHost(words) as host:
            assert host.shell("echo one; x='a b'; echo \"$x\"") == "one\na b\n"
    # The first opens the connection, the second finds it open.
    assert asked(tmp_path) == ["check host", "1 host", "host sh", "check host", "host sh"]


def test_failed_script_is_reported_by_its_last_line(tmp_path: Path) -> None:
    with SshHost([*ssh_double(tmp_path), "host"]) as host:
        with pytest.raises(LabError, match=r"a command on host failed \(3\): second"):
            host.shell("echo first >&2; echo second >&2; exit 3")
        with pytest.raises(LabError, match=r"failed \(2\): printed"):
            host.shell("echo printed; exit 2")


def test_time_is_that_of_the_first_output(tmp_path: Path) -> None:
    with SshHost([*ssh_double(tmp_path), "host"]) as host:
        began_s = time.monotonic()
        output, at_s = host.timed_shell("sleep 0.3; echo started; sleep 0.5; echo more")
        ended_s = time.monotonic()
    assert output == "started\nmore\n"
    assert at_s - began_s >= 0.3 and ended_s - at_s >= 0.5


def test_host_without_a_login_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"closed: no login over ssh \(Permission denied.*Remedy"):
        SshHost([*ssh_double(tmp_path), "closed"]).__enter__()


def test_socket_is_forwarded_once_and_closed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def greet() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            connection.sendall(b"hello")
            connection.close()

    threading.Thread(target=greet, daemon=True).start()
    with SshHost([*ssh_double(tmp_path), "host"]) as host:
        for _ in range(2):
            with host.connect(str(path), 5) as connection:
                assert connection.recv(16) == b"hello"
        local = host._local(str(path))
        assert local.is_symlink()
    listener.close()
    assert not local.parent.exists()
    assert [line for line in asked(tmp_path) if line.startswith(("forward", "cancel"))] == [
        "forward host",
        "cancel host",
    ]


def test_socket_that_nobody_serves_is_an_error_of_connecting(tmp_path: Path) -> None:
    with SshHost([*ssh_double(tmp_path), "host"]) as host, pytest.raises(OSError):
        host.connect(str(tmp_path / "none"), 1)
