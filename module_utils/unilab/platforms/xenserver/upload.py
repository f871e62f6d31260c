"""The upload: HTTP PUT /import_raw_vdi, whose success is told by its task alone.

XAPI answers 200 when it has attached the disk and before it reads the body (xapi,
ocaml/xapi/import_raw_vdi.ml), so the answer is waited for first: a redirect or a refusal then costs
no bytes. An upload whose connection breaks off may have succeeded or failed; its task knows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPResponse
from typing import IO, Any, Protocol
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.errors import explain
from ansible.module_utils.unilab.platforms.xenserver.session import Login, Xapi
from ansible.module_utils.unilab.platforms.xenserver.tls import Connection

BLOCK_BYTES = 1 << 20
ATTACH_TIMEOUT_S = 60.0
STALL_TIMEOUT_S = 120.0
POLL_S = 0.1
# How long a task may stay where it is after the last byte, before it is given up.
TASK_PATIENCE_S = 600.0

Progress = Callable[[float], None]


class Source(Protocol):
    """What is sent: ``length`` bytes of ``format`` (raw or vhd), read once from the start by ``open``."""

    @property
    def format(self) -> str:
        """raw or vhd."""

    @property
    def length(self) -> int:
        """Bytes."""

    def open(self) -> IO[bytes]:
        """The bytes, from the first."""


def upload(xapi: Xapi, vdi: str, source: Source, progress: Progress = lambda _: None) -> int:
    """Send ``source`` into the disk ``vdi`` and return how many bytes were sent.

    Raises LabError where its task says that it failed. The task is removed in every case.
    """
    task = xapi.call.task.create("unilab upload", "a disk image from the controller")
    try:
        sent = _send(xapi, vdi, task, source, progress)
        _await(xapi, task, progress, complete=sent == source.length)
    except BaseException:
        # What is still written would keep the disk busy.
        _quietly(lambda: xapi.call.task.cancel(task))
        raise
    finally:
        _quietly(lambda: xapi.call.task.destroy(task))
    return sent


def _send(xapi: Xapi, vdi: str, task: str, source: Source, progress: Progress) -> int:
    login, again = xapi.login, True
    while True:
        query = {"session_id": xapi.handle, "task_id": task, "vdi": vdi, "format": source.format}
        connection = Connection(login.hostname, login.port, login.trust, ATTACH_TIMEOUT_S)
        # The answer holds the socket too: left open, XAPI would wait for the rest and keep the disk.
        with contextlib.closing(connection):
            answer = _ask(connection, f"/import_raw_vdi?{urlencode(query)}", source.length)
            with contextlib.closing(answer):
                if answer.status == 200:
                    connection.sock.settimeout(STALL_TIMEOUT_S)
                    return _stream(connection, source, progress)
        if answer.status == 302 and again:
            login = _redirected(login, answer.getheader("Location", ""))
        elif answer.status == 401 and again:
            xapi.log_in()
        else:
            raise LabError(_refused(answer.status))
        again = False


def _ask(connection: Connection, path: str, length: int) -> HTTPResponse:
    connection.putrequest("PUT", path, skip_accept_encoding=True)
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    answer = HTTPResponse(connection.sock, method="PUT")
    answer.begin()
    return answer


def _stream(connection: Connection, source: Source, progress: Progress) -> int:
    sent = 0
    with source.open() as stream:
        while block := stream.read(min(BLOCK_BYTES, source.length - sent)):
            try:
                connection.sock.sendall(block)
            except OSError:
                return sent  # the task knows why
            sent += len(block)
            progress(sent / source.length)
    return sent


def _redirected(login: Login, location: str) -> Login:
    url = urlsplit(location)
    if url.scheme != "https" or not url.hostname:
        raise LabError(f"upload: redirected to '{location}', which is no https address.")
    return replace(login, hostname=url.hostname, port=url.port or login.port)


def _refused(status: int) -> str:
    reasons = {
        302: "the storage is seen by another host, which sends us on too. Remedy: check the SR's hosts",
        400: "the disk or its storage is gone. Remedy: check the SR",
        401: "the session does not count there. Remedy: try again",
        403: "the account may not upload. Remedy: use an account with the role vm-admin or higher",
        404: "it knows no such upload. Remedy: check that hostname and port are XenServer's",
    }
    return f"upload: XenServer answered {status}: {reasons.get(status, 'see /var/log/xensource.log there')}."


def _await(xapi: Xapi, task: str, progress: Progress, complete: bool) -> None:
    """Wait for the task's end. Raises LabError where it is no success."""
    last, moved_s = -1.0, time.monotonic()
    while (status := xapi.call.task.get_status(task)) == "pending":
        done = float(xapi.call.task.get_progress(task))
        if done != last:
            last, moved_s = done, time.monotonic()
        elif time.monotonic() - moved_s > TASK_PATIENCE_S:
            raise LabError(f"upload: its task stands at {done:.0%} since {TASK_PATIENCE_S:g} s.")
        time.sleep(POLL_S)
    if status != "success":
        details = xapi.call.task.get_error_info(task) or [status]
        raise explain("upload" if complete else "upload, broken off by XenServer", details)
    progress(1.0)


def _quietly(call: Callable[[], Any]) -> None:
    """Undo as far as it goes: the first error is the one that counts."""
    try:
        call()
    except Exception:
        return
