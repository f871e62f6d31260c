"""The upload: HTTP PUT /import_raw_vdi, whose success is recorded in its task alone.

XAPI answers 200 when it has attached the disk and before it reads the body (xapi,
ocaml/xapi/import_raw_vdi.ml), so this code waits for the answer first: a redirect or a refusal then
costs no bytes. An upload whose connection breaks may have succeeded or failed; its task has the result.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import IO, Any, Protocol
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.deadline import deadline
from ansible.module_utils.unilab.platforms.xenserver.errors import explain, foreign_answers
from ansible.module_utils.unilab.platforms.xenserver.session import Login, Xapi, is_address
from ansible.module_utils.unilab.platforms.xenserver.tls import Connection

BLOCK_BYTES = 1 << 20
ATTACH_TIMEOUT_S = 60.0
STALL_TIMEOUT_S = 120.0
POLL_S = 0.1
_LOG = "see /var/log/xensource.log on the host"
# How long a task may make no progress after the last byte.
TASK_PATIENCE_S = 600.0

Progress = Callable[[float], None]


class Source(Protocol):
    """The content of an upload: ``length`` bytes of ``format`` (raw or vhd), which ``open`` reads once."""

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

    The task is removed in every case. Raises LabError where it failed.
    """
    task = xapi.call.task.create("unilab upload", "a disk image from the controller")
    try:
        sent = _send(xapi, vdi, task, source, progress)
        _await(xapi, task, progress, complete=sent == source.length)
    except BaseException:
        # A write that continues would keep the disk busy.
        _quietly(lambda: xapi.call.task.cancel(task))
        raise
    finally:
        _quietly(lambda: xapi.call.task.destroy(task))
    return sent


def _send(xapi: Xapi, vdi: str, task: str, source: Source, progress: Progress) -> int:
    login, may_repeat = xapi.login, True
    while True:
        query = {"session_id": xapi.handle, "task_id": task, "vdi": vdi, "format": source.format}
        connection = Connection(login.hostname, login.port, login.trust, ATTACH_TIMEOUT_S, login.origin)
        # The answer holds the socket too: while it is open, XAPI waits for the rest and keeps the disk.
        with contextlib.closing(connection):
            answer = _ask(connection, f"/import_raw_vdi?{urlencode(query)}", source.length)
            with contextlib.closing(answer):
                if answer.status == 200:
                    connection.sock.settimeout(STALL_TIMEOUT_S)
                    return _stream(connection, source, progress)
        if answer.status == 302 and may_repeat:
            login = _redirected(login, answer.getheader("Location", ""))
        elif answer.status == 401 and may_repeat:
            xapi.log_in()
        else:
            raise LabError(_refused(login, answer.status))
        may_repeat = False


def _ask(connection: Connection, path: str, length: int) -> HTTPResponse:
    with foreign_answers("PUT /import_raw_vdi"), deadline(connection, ATTACH_TIMEOUT_S):
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
                return sent  # the task has the reason
            sent += len(block)
            progress(sent / source.length)
    return sent


def _redirected(login: Login, location: str) -> Login:
    try:
        url = urlsplit(location)
        hostname, port = url.hostname or "", url.port or login.port
    except ValueError:
        url, hostname, port = urlsplit(""), "", login.port
    if url.scheme != "https" or not is_address(hostname):
        raise LabError(
            f"upload: {login.place} redirected it to {location[:120]!r}, which is not an https address. "
            "Remedy: check that hostname and port belong to a XenServer or XCP-ng host."
        )
    origin = f"It is a member of the pool, and {login.place} redirected the upload to it"
    return login.at(hostname, port, origin)


def _refused(login: Login, status: int) -> str:
    reasons = {
        302: "the storage is on another host, which redirects the upload again. Remedy: check the SR's hosts",
        400: "the disk or its storage is gone. Remedy: check the SR",
        401: "the session is not valid there. Remedy: try again",
        403: "the account may not upload. Remedy: use an account with the role vm-admin or higher",
        404: "it has no such service. Remedy: check that hostname and port belong to a XenServer",
    }
    reason = reasons.get(status, f"no reason is known. Remedy: {_LOG}")
    return f"upload: XenServer answered {status} at {login.place}: {reason}."


def _await(xapi: Xapi, task: str, progress: Progress, complete: bool) -> None:
    """Wait for the task's end. Raises LabError where it failed."""
    furthest, moved_s = -1.0, time.monotonic()
    while (status := xapi.call.task.get_status(task)) == "pending":
        done = float(xapi.call.task.get_progress(task))
        if done > furthest:
            furthest, moved_s = done, time.monotonic()
        elif time.monotonic() - moved_s > TASK_PATIENCE_S:
            raise LabError(
                f"upload: no progress of its task for {TASK_PATIENCE_S:g} s, at {done:.0%}. Remedy: {_LOG}."
            )
        time.sleep(POLL_S)
    if status != "success":
        details = xapi.call.task.get_error_info(task) or [status]
        raise explain("upload" if complete else "upload, which XenServer ended early", details)
    progress(1.0)


def _quietly(call: Callable[[], Any]) -> None:
    """Ignore an error while undoing: the first error is the one to report."""
    try:
        call()
    except Exception:
        return
