"""What users of Locust do first: its own options, its page, their own locustfiles, wherever they are."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.unilab_load.servers import OneResponse, write_responses

PROJECT = Path(__file__).parents[3]
IMPORTS = (
    "from locust import constant\n"
    "from unilab_load.request import get\n"
    "from unilab_load.user import FastUser\n"
)
ONE = "class U(FastUser):\n    a = get('/todos')\n"
LINES = ["outcome", "verdict", "rate", "percentiles", "errors", "histogram"]
Locust = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def server() -> Iterator[OneResponse]:
    started = OneResponse()
    yield started
    started.close()


def _locustfile(path: Path, text: str = ONE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(IMPORTS + text, encoding="utf-8")
    return path


def _command(locustfile: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(locustfile), *words]


def _environment() -> dict[str, str]:
    """The package as `make setup` installs it, or a client's program finds it: by its path."""
    return os.environ | {"PYTHONPATH": str(PROJECT / "locustfiles")}


def _run(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, timeout=180, check=False
    )


def _lines(output: str) -> dict[str, str]:
    """The six lines at the end of ``output``, by name."""
    rows = [line.partition(":") for line in output.splitlines()[-6:]]
    assert [name for name, _, _ in rows] == LINES, output
    return {name: text.strip() for name, _, text in rows}


def _load(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "load.json").read_text())
    assert content["outcome"] == {"state": "completed", "why": ""}
    load: dict[str, Any] = content["load"]
    return load


def test_run_needs_only_a_host_and_a_run_time(server: OneResponse, tmp_path: Path) -> None:
    folder = tmp_path / "größe and space"
    locustfile = _locustfile(folder / "mein laden.py")
    write_responses(folder / "responses.json")
    outputs = []
    words = ["--headless", "-H", f"http://127.0.0.1:{server.port}", "-t", "1s"]
    for _ in range(2):
        done = _run(tmp_path, _command(locustfile, *words))
        assert done.returncode == 0, done.stderr
        lines = _lines(done.stdout)
        outputs.append(Path(lines["histogram"]).parent)
        load = _load(outputs[-1])
        assert (load["window_s"], load["users"]) == (1, 1)
        assert (lines["outcome"], lines["verdict"], lines["errors"]) == ("completed", load["verdict"], "none")
        assert f"{load['requests']} right responses in 1.0 s by 1 users" in lines["rate"]
        assert f"p50 {load['percentiles_ms']['p50']:.3f} ms" in lines["percentiles"]
        assert Path(lines["histogram"]).is_file()
    assert outputs[0] != outputs[1]
    assert {output.parent for output in outputs} == {tmp_path / "load-results"}


def test_run_time_is_the_measured_window_after_the_warm_up(server: OneResponse, tmp_path: Path) -> None:
    locustfile = _locustfile(tmp_path / "l.py")
    write_responses(tmp_path / "responses.json")
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "--warm-up-s=1", "-t1s", "--output=out"]
    done = _run(tmp_path, _command(locustfile, *words))
    assert done.returncode == 0, done.stderr
    assert (_load(tmp_path / "out")["warm_up_s"], _load(tmp_path / "out")["window_s"]) == (1, 1)


@pytest.mark.parametrize(
    ("locustfile", "responses"),
    [
        ("locustfiles/shop.py", "services/shop/responses.json"),
        ("shop.py", "services/shop/responses.json"),
        ("locustfiles/shop.py", "responses/shop.json"),
        ("shop/locustfile.py", "shop/responses.json"),
    ],
)
def test_responses_are_found_beside_the_locustfile(
    locustfile: str, responses: str, server: OneResponse, tmp_path: Path
) -> None:
    write_responses(tmp_path / responses)
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "--requests=4", "--output=out"]
    done = _run(tmp_path, _command(_locustfile(tmp_path / locustfile), *words))
    assert done.returncode == 0, done.stderr
    assert _load(tmp_path / "out")["requests"] == 4


def test_host_of_the_user_class_is_loaded(server: OneResponse, tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.json")
    locustfile = _locustfile(tmp_path / "l.py", f"{ONE}    host = 'http://127.0.0.1:{server.port}'\n")
    done = _run(tmp_path, _command(locustfile, "--headless", "--requests=4", "--output=out"))
    assert done.returncode == 0, done.stderr
    assert len(server.heads) == 4 + 2  # the identity, and the check of the response


def test_path_beyond_ascii_is_sent_and_found_in_the_reference(server: OneResponse, tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.json", "/größe/日本")
    locustfile = _locustfile(tmp_path / "l.py", "class U(FastUser):\n    a = get('/größe/日本')\n")
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "--requests=4", "--output=out"]
    done = _run(tmp_path, _command(locustfile, *words))
    assert done.returncode == 0, done.stderr
    assert _load(tmp_path / "out")["requests"] == 4
    asked = {head.split(b" ")[1] for head in server.heads}
    assert asked == {b"/identity", b"/gr%C3%B6%C3%9Fe/%E6%97%A5%E6%9C%AC"}


def _refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    assert done.returncode == 2, done.stderr
    ours = [line for line in done.stderr.splitlines() if "locust.main" not in line]
    assert len(ours) == 1 and ours[0].startswith(message) and "Remedy: " in ours[0]


def test_think_time_is_refused_before_anything_is_sent(server: OneResponse, tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.json")
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "-t1s"]
    locustfile = _locustfile(tmp_path / "l.py", f"{ONE}    wait_time = constant(1)\n")
    _refused(_run(tmp_path, _command(locustfile, *words)), "locustfile: class U: wait_time is not supported")
    assert not server.heads and not (tmp_path / "load-results").exists()


def test_target_that_cannot_be_loaded_is_refused_before_anything_is_sent(
    server: OneResponse, tmp_path: Path
) -> None:
    write_responses(tmp_path / "responses.json")
    words = ["--headless", f"--host=https://127.0.0.1:{server.port}", "-t1s"]
    done = _run(tmp_path, _command(_locustfile(tmp_path / "l.py"), *words))
    _refused(done, f"--host: 'https://127.0.0.1:{server.port}' needs TLS")
    assert not server.heads and not (tmp_path / "load-results").exists()


def test_missing_responses_are_refused_with_the_places_searched(server: OneResponse, tmp_path: Path) -> None:
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "-t1s"]
    done = _run(tmp_path, _command(_locustfile(tmp_path / "shop.py"), *words))
    _refused(done, f"--responses: found none for shop, looked for {tmp_path}/services/shop/responses.json")


def test_tags_that_leave_no_request_end_the_run_as_bad_input(server: OneResponse, tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.json")
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "-t1s", "--tags=none"]
    done = _run(tmp_path, _command(_locustfile(tmp_path / "l.py"), *words))
    assert done.returncode == 2 and "class U: it has no request" in done.stderr
    assert not server.heads


def test_user_that_cannot_start_ends_the_run(server: OneResponse, tmp_path: Path) -> None:
    write_responses(tmp_path / "responses.json")
    locustfile = _locustfile(
        tmp_path / "l.py", f"{ONE}    def on_start(self):\n        raise RuntimeError('no')\n"
    )
    words = ["--headless", f"--host=http://127.0.0.1:{server.port}", "-t1s", "--output=out"]
    done = _run(tmp_path, _command(locustfile, *words))
    assert done.returncode == 1
    assert "a user of class U did not start: RuntimeError('no')" in _lines(done.stdout)["outcome"]


# The page.


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _post(url: str, form: dict[str, str]) -> dict[str, Any]:
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, data, timeout=5) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _until(wanted: Callable[[], bool], seconds: float = 20) -> None:
    deadline_s = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


@pytest.fixture
def page(server: OneResponse, tmp_path: Path) -> Iterator[str]:
    """The address of Locust's page for a locustfile; its log is ``log`` in the test's folder."""
    write_responses(tmp_path / "responses.json")
    port = _free_port()
    words = ["--web-host=127.0.0.1", f"--web-port={port}"]
    command = _command(_locustfile(tmp_path / "l.py"), *words)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=_environment(), stderr=log, stdout=log)
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _state(page: str) -> str:
    with urllib.request.urlopen(f"{page}/stats/requests", timeout=5) as response:
        return str(json.load(response)["state"])


def _runs(folder: Path) -> list[Path]:
    return sorted(folder.glob("load-results/*/load.json"))


def test_page_sets_users_host_and_window_of_each_run(server: OneResponse, page: str, tmp_path: Path) -> None:
    for number, users in enumerate((3, 5), start=1):
        form = {
            "user_count": str(users),
            "spawn_rate": "100",
            "host": f"http://127.0.0.1:{server.port}",
            "run_time": f"{number}s",
        }
        assert _post(f"{page}/swarm", form)["success"]
        _until(lambda number=number: len(_runs(tmp_path)) == number)  # type: ignore[misc]
        load = _load(_runs(tmp_path)[-1].parent)
        assert (load["users"], load["window_s"]) == (users, number)
        _until(lambda number=number: (tmp_path / "log").read_text().count("histogram:") == number)  # type: ignore[misc]
    log = (tmp_path / "log").read_text()
    assert all(log.count(f"{name}: ") >= 2 for name in LINES)


def test_page_without_a_run_time_gets_one_line_and_can_start_again(
    server: OneResponse, page: str, tmp_path: Path
) -> None:
    form = {"user_count": "2", "spawn_rate": "2", "host": f"http://127.0.0.1:{server.port}"}
    _post(f"{page}/swarm", form)
    _until(lambda: "a run ends by a time or by a count" in (tmp_path / "log").read_text())
    assert not server.heads and not _runs(tmp_path)
    _until(
        lambda: json.load(urllib.request.urlopen(f"{page}/stats/requests", timeout=5))["state"] == "stopped"
    )
    _post(f"{page}/swarm", form | {"run_time": "1s"})
    _until(lambda: len(_runs(tmp_path)) == 1)
    assert "Traceback" not in (tmp_path / "log").read_text()
