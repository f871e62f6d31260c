"""Boot time from outside: only the right nonce counts, or the workload's right answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible.module_utils.unilab.platforms import first_answer


class Service(BaseHTTPRequestHandler):
    """Answers with an old nonce at first, as the instance before it would."""

    asked = 0

    def do_GET(self) -> None:
        Service.asked += 1
        nonce = "old" if Service.asked < 3 else "new"
        body = json.dumps({"nonce": nonce, "threads": 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Service.asked = 0
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_an_older_instance_does_not_count(port: int) -> None:
    answer = first_answer.wait("127.0.0.1", port, "new", timeout_s=5)
    assert answer.identity == {"nonce": "new", "threads": 1} and answer.polls == 3


def test_no_right_answer_says_what_came_instead(port: int) -> None:
    with pytest.raises(first_answer.NoAnswer, match="another instance"):
        first_answer.wait("127.0.0.1", port, "never", timeout_s=0.2)


def test_an_instance_that_ended_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_answer, "ALIVE_EVERY_S", 0.05)
    with pytest.raises(first_answer.NoAnswer, match="ended before"):
        first_answer.wait("127.0.0.1", 1, "n", timeout_s=30, alive=lambda: False)


def test_an_instance_without_a_nonce_is_known_by_the_right_answer(port: int) -> None:
    right = first_answer.Answer("/todos", 200, '{"nonce": "new", "threads": 1}')
    answer = first_answer.wait_for("127.0.0.1", port, right, timeout_s=5)
    assert answer.identity == {} and answer.polls == 3


@pytest.mark.parametrize(("status", "body"), [(200, "another"), (404, '{"nonce": "old", "threads": 1}')])
def test_a_wrong_answer_is_told(port: int, status: int, body: str) -> None:
    with pytest.raises(first_answer.NoAnswer, match="not the workload's answer"):
        first_answer.wait_for("127.0.0.1", port, first_answer.Answer("/", status, body), timeout_s=0.2)


def test_an_address_is_silent_until_somebody_listens(port: int) -> None:
    assert not first_answer.is_silent("127.0.0.1", port)
    assert first_answer.is_silent("127.0.0.1", 1)
