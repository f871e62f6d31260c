"""The double as a process of its own, for playbooks.

    python -m tests.doubles.xapi up --directory DIR --namespace NAMESPACE
    python -m tests.doubles.xapi state --directory DIR
    python -m tests.doubles.xapi fault --directory DIR upload_fails --times 1
    python -m tests.doubles.xapi down --directory DIR

`up` returns when it listens, and reports whether that was a change; `down` ends its guests too.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.unilab.platforms import processes

from tests.doubles.xapi import PROJECT
from tests.doubles.xapi.backends import Qemu
from tests.doubles.xapi.server import Double

START_TIMEOUT_S, END_TIMEOUT_S = 20, 20


def main() -> int:
    """Do it; print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.doubles.xapi")
    parser.add_argument("do", choices=["up", "serve", "state", "fault", "down"])
    parser.add_argument("fault", nargs="?", default="")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0 for a free one, see address.json")
    parser.add_argument("--namespace", default="", help="network namespace of the bridge; empty for this one")
    parser.add_argument("--bridge", default="br0")
    parser.add_argument("--accelerator", choices=["tcg", "kvm"], default="tcg")
    parser.add_argument("--cpus", default="", help="CPU list that guests are bound to")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--how", type=json.loads, default={}, help="what else the fault takes, as JSON")
    wanted = parser.parse_args()
    wanted.directory = wanted.directory.resolve()
    result = {"up": _up, "serve": _serve, "state": _state, "fault": _fault, "down": _down}[wanted.do](wanted)
    print(json.dumps(result))
    return 0


def _pid_file(wanted: argparse.Namespace) -> Path:
    return wanted.directory / "pid"


def _serve(wanted: argparse.Namespace) -> dict[str, Any]:
    backend = Qemu(wanted.directory / "guests", wanted.namespace or None, wanted.accelerator, wanted.cpus)
    # The double keeps no database: disks of an earlier one belong to nothing.
    shutil.rmtree(wanted.directory / "disks", ignore_errors=True)
    double = Double(wanted.directory, backend, wanted.bridge, wanted.port)

    def end(number: int, frame: object) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    double.start()
    (wanted.directory / "address.json").write_text(
        json.dumps({"port": double.port, "fingerprint": double.fingerprint, "user": double.user})
    )
    try:
        while True:
            signal.pause()
    finally:
        double.stop()


def _up(wanted: argparse.Namespace) -> dict[str, Any]:
    changed = processes.running_pid(_pid_file(wanted)) is None
    address = wanted.directory / "address.json"
    if changed:
        wanted.directory.mkdir(parents=True, exist_ok=True)
        address.unlink(missing_ok=True)
        arguments = [argument for argument in sys.argv[1:] if argument != "up"]
        os.chdir(PROJECT)
        processes.start(
            [sys.executable, "-m", "tests.doubles.xapi", "serve", *arguments],
            wanted.directory / "log",
            _pid_file(wanted),
        )
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not address.exists():
        if processes.running_pid(_pid_file(wanted)) is None or time.monotonic() > deadline_s:
            sys.exit(f"the double did not start: {(wanted.directory / 'log').read_text()[-500:]}")
        time.sleep(0.05)
    return {"changed": changed, **json.loads(address.read_text())}


def _down(wanted: argparse.Namespace) -> dict[str, Any]:
    return {"changed": processes.end(_pid_file(wanted), patience_s=END_TIMEOUT_S)}


def _state(wanted: argparse.Namespace) -> dict[str, Any]:
    return _ask(wanted, "GET", "/double/state")


def _fault(wanted: argparse.Namespace) -> dict[str, Any]:
    return _ask(wanted, "PUT", "/double/faults", {"name": wanted.fault, "times": wanted.times, **wanted.how})


def _ask(wanted: argparse.Namespace, method: str, path: str, content: Any = None) -> dict[str, Any]:
    port = json.loads((wanted.directory / "address.json").read_text())["port"]
    context = ssl.create_default_context(cafile=wanted.directory / "certificate.pem")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    connection.request(method, path, json.dumps(content) if content else None)
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    return answer


if __name__ == "__main__":
    sys.exit(main())
