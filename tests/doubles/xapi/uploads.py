"""HTTP PUT /import_raw_vdi as XAPI serves it: 200 before the body, the result in the task alone."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qs, urlsplit

from tests.doubles.xapi.pool import Pool

BLOCK_BYTES = 1 << 20
PATH = "/import_raw_vdi"


def serve(pool: Pool, request: BaseHTTPRequestHandler) -> None:
    """Answer the request and read its body."""
    url = urlsplit(request.path)
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    refusal = _refusal(pool, request, url.path, query)
    if refusal:
        _answer(request, *refusal)
        return
    early = pool.faults.take("early_close")
    fails = pool.faults.take("upload_fails")
    slow, slowly = pool.faults.take("slow_task"), pool.faults.take("slow_upload")
    body = _Body(
        stream=request.rfile,
        length=int(request.headers["Content-Length"]),
        format=query.get("format", "raw"),
        task=query.get("task_id", ""),
        limit=early["after_bytes"] if early else None,
        pause_s=slowly["seconds"] if slowly else 0,
    )
    with pool.lock:
        pool.get("VDI", query["vdi"])["busy"] = True
    try:
        _answer(request, 200)
        problem = _take(pool, query["vdi"], body)
        if slow:
            time.sleep(slow["seconds"])
        if fails:
            problem = "Caught exception: the device refused a write"
    finally:
        with pool.lock:
            if pool.exists("VDI", query["vdi"]):
                pool.get("VDI", query["vdi"])["busy"] = False
    _end_task(pool, body.task, problem)


@dataclass(frozen=True)
class _Body:
    """A body to read.

    Attributes:
        limit: number of bytes after which the connection is closed, None for no such fault.
        pause_s: pause before each block.
    """

    stream: IO[bytes]
    length: int
    format: str
    task: str
    limit: int | None
    pause_s: float


def _refusal(
    pool: Pool, request: BaseHTTPRequestHandler, path: str, query: dict[str, str]
) -> tuple[Any, ...] | None:
    """Status and headers of a refusal, None where the request is accepted."""
    if path != PATH or request.headers.get("Transfer-Encoding"):
        return (404,)
    if pool.faults.take("upload_refused"):
        pool.forget_sessions()
    if not pool.is_session(query.get("session_id", "")):
        return (401,)
    if not pool.exists("VDI", query.get("vdi", "")):
        return (400,)
    if query.get("format", "raw") not in ("raw", "vhd"):
        return (404,)
    if fault := pool.faults.take("redirect"):
        to = fault.get("to") or f"https://{request.headers['Host']}"
        return 302, {"Location": f"{to}{request.path}"}
    return None


def _answer(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str] | None = None) -> None:
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    request.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    request.wfile.flush()
    request.close_connection = True


def _take(pool: Pool, vdi: str, body: _Body) -> str:
    """Write the body to the disk; return the error, "" for none."""
    with pool.lock:
        target, size = pool.disk_path(vdi), pool.get("VDI", vdi)["virtual_size"]
    if body.format == "raw":
        if body.length > size:
            return f"Caught exception: {body.length} bytes do not fit in {size}"
        return _copy(pool, body, target)
    with tempfile.TemporaryDirectory() as aside:
        vhd = Path(aside) / "vhd"
        vhd.touch()
        return _copy(pool, body, vhd) or _unpack(vhd, target, size)


def _copy(pool: Pool, body: _Body, target: Path) -> str:
    taken = 0
    with target.open("r+b") as disk:
        while taken < body.length:
            if body.limit is not None and taken >= body.limit:
                return "Caught exception: Unix.EPIPE"
            time.sleep(body.pause_s)
            try:
                block = body.stream.read(min(BLOCK_BYTES, body.length - taken))
            except OSError:
                block = b""
            if not block:
                return "Caught exception: End_of_file"
            if block.count(0) == len(block):
                disk.seek(len(block), 1)
            else:
                disk.write(block)
            taken += len(block)
            with pool.lock:
                pool.uploaded_bytes += len(block)
                if pool.exists("task", body.task):
                    pool.get("task", body.task)["progress"] = taken / body.length
    return ""


def _unpack(vhd: Path, target: Path, size: int) -> str:
    """Dynamic VHD only, like XAPI: the type is at byte 60 of its footer's copy."""
    head = vhd.open("rb").read(512)
    if head[:8] != b"conectix" or int.from_bytes(head[60:64], "big") != 3:
        return "Caught exception: not a dynamic VHD"
    done = subprocess.run(
        ["qemu-img", "convert", "-n", "-f", "vpc", "-O", "raw", str(vhd), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if target.stat().st_size < size:
        with target.open("r+b") as disk:
            disk.truncate(size)
    return f"Caught exception: {done.stderr}" if done.returncode else ""


def _end_task(pool: Pool, task: str, problem: str) -> None:
    with pool.lock:
        if not pool.exists("task", task):
            return
        record = pool.get("task", task)
        if record["status"] != "pending":
            return
        if problem:
            record.update(status="failure", error_info=["INTERNAL_ERROR", problem])
        else:
            record.update(status="success", progress=1.0)
