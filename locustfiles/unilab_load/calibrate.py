"""What this client is capable of: the load of a workload against a target that costs nothing.

    python -m unilab_load.calibrate LOCUSTFILE --users 40 --responses FILE --output FOLDER   (in locustfiles)

Starts the responder, loads it as a trial would, and writes FOLDER/calibration.json. Its
``ceiling_per_s`` is requests per second of the generator's own CPU: what one process would reach if it had
a CPU to itself and never had to wait. Both ends are on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_TIMEOUT_S = 120


def calibrate(
    locustfile: Path, *, users: int, responses: Path, parameters: str, seconds: float, output: Path
) -> dict[str, Any]:
    """Load the responder for ``seconds``; return the content of calibration.json. Raises SystemExit."""
    here = Path(__file__).parent
    responder = [sys.executable, "-m", f"{here.name}.responder", str(responses)]
    responder += [parameters] if parameters else []
    with subprocess.Popen(
        responder, cwd=here.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as target:
        assert target.stdout is not None
        port = target.stdout.readline().strip()
        if not port:
            raise SystemExit(f"the responder did not start with {responses}. Remedy: see its message above.")
        command = [
            *(sys.executable, "-m", "locust", "-f", str(locustfile), "--headless", "--only-summary"),
            *("--users", str(users), "--host", f"http://127.0.0.1:{port}"),
            *("--warm-up-s", "0.5", "--duration-s", str(seconds), "--responses", str(responses)),
            *(("--parameters", parameters) if parameters else ()),
            *("--output", str(output)),
        ]
        written = output / "load.json"
        written.unlink(missing_ok=True)
        subprocess.run(command, check=False, timeout=_TIMEOUT_S + seconds)
    if not written.exists():
        raise SystemExit("the calibration did not start. Remedy: see the message of Locust above.")
    content = json.loads(written.read_text(encoding="utf-8"))
    load, outcome = content["load"], content["outcome"]
    if outcome["state"] != "completed":
        raise SystemExit(f"the calibration ended {outcome['state']}: {outcome['why']}")
    return {
        "tool": load["generator"]["tool"],
        "users": users,
        "requests": load["requests"],
        "throughput_per_s": load["throughput_per_s"],
        "cpu_percent": load["generator"]["cpu_percent"],
        "ceiling_per_s": load["requests"] / load["generator"]["cpu_s"],
        "percentiles_ms": load["percentiles_ms"],
    }


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("locustfile", type=Path)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--responses", type=Path, required=True)
    parser.add_argument("--parameters", default="")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--output", type=Path, required=True)
    wanted = parser.parse_args()
    found = calibrate(
        wanted.locustfile.resolve(),
        users=wanted.users,
        responses=wanted.responses.resolve(),
        parameters=wanted.parameters,
        seconds=wanted.seconds,
        output=wanted.output.resolve(),
    )
    aside = wanted.output / ".calibration.json"
    aside.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    aside.replace(wanted.output / "calibration.json")


if __name__ == "__main__":
    main()
