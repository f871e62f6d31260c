"""Answers that XAPI does not give: one message with a remedy each, no traceback, within limits."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.unilab.platforms.xenserver import answers, session, tls, upload
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xenservers import connection, run

from tests.doubles.xapi.backends import Nothing
from tests.doubles.xapi.model import MESSAGES, TABLE
from tests.doubles.xapi.server import Double

NETWORK = "Pool-wide network associated with eth0"
# Each message that a guest, an upload and the facts need, and that returns something.
ASKED = [
    *("pool.get_all", "pool.get_master", "pool.get_default_SR", "host.get_record", "host.get_all"),
    *("SR.get_record", "network.get_by_name_label", "network.get_record"),
    *("VDI.get_by_name_label", "VDI.get_record", "VDI.create", "VDI.get_by_uuid", "VDI.clone"),
    *("task.create", "task.get_status", "task.get_progress", "task.get_error_info"),
    *("VM.get_by_name_label", "VM.get_record", "VM.clone", "VM.get_possible_hosts", "VM.get_power_state"),
    *("VBD.create", "VBD.get_record", "VIF.create", "VIF.get_record", "VM_metrics.get_record"),
    "session.login_with_password",
]

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Double]:
    running = Double(tmp_path_factory.mktemp("double"), Nothing()).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("image") / "image.raw"
    path.write_bytes(b"x" * 4096)
    return path


def use_everything(double: Double, image: Path, **changes: Any) -> list[dict[str, Any]]:
    """Each module once, up to the first that fails."""
    to = connection(double, **changes)
    results = [run("xenserver_facts", connection=to, network=NETWORK)]
    results.append(run("xenserver_disk", connection=to, name="image", path=str(image)))
    disk = results[-1].get("uuid", "none")
    results.append(
        run("xenserver_guest", connection=to, name="instance", disk=disk, memory_mib=64, network=NETWORK)
    )
    of = {"platform": "xenserver", "name": "instance", "connection": to}
    results.append(run("resource_cap", **of, cpus=1, memory_mib=64))
    results.append(run("footprint", **of, when="idle"))
    results.append(run("xenserver_guest", connection=to, name="instance", state="absent"))
    results.append(run("xenserver_disk", connection=to, name="image", state="absent"))
    return results


def require_messages(results: list[dict[str, Any]]) -> None:
    """Each failed module has one line with a remedy. ``run`` raises where a module raises."""
    for answer in results:
        if answer["failed"]:
            assert "Remedy: " in answer["msg"] and "\n" not in answer["msg"], answer["msg"]
            assert "Traceback" not in answer["msg"] and len(answer["msg"]) < 1500


def test_result_types_equal_those_of_the_double() -> None:
    same = {"int": "int", "string": "string", "bool": "bool", "float": "float", "string set": "string set"}
    for name, message in MESSAGES.items():
        expected = answers.RESULTS.get(name.partition(".")[2])
        if expected is None:
            assert message.result == "void" or name == "VM.get_resident_on", name
        elif message.result.startswith("enum "):
            assert expected == "string", name
        else:
            assert expected == same.get(
                message.result, re.sub(r"^\w+ (ref|record)", r"\1", message.result)
            ), name
    for kind, fields in answers.FIELDS.items():
        for name, of in fields.items():
            theirs = TABLE["fields"][kind][name]
            theirs = re.sub(r"^\w+ ref", "ref", theirs).replace("(string -> string) map", "map")
            theirs = "string" if theirs.startswith("enum ") else theirs
            assert of.removeprefix("number ") == theirs, (kind, name)


# Values: valid XML-RPC that is not XAPI's.

TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=20
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), st.floats(allow_nan=False), TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
RESPONSES = st.one_of(
    VALUES,
    st.fixed_dictionaries({"Status": st.just("Success"), "Value": VALUES}),
    st.fixed_dictionaries({"Status": st.just("Success")}),
    st.fixed_dictionaries({"Status": st.just("Failure"), "ErrorDescription": VALUES}),
    st.fixed_dictionaries({"Status": st.just("Failure"), "ErrorDescription": st.lists(TEXT, max_size=3)}),
    st.fixed_dictionaries({"Status": VALUES}),
)


@pytest.mark.parametrize("at", ASKED)
def test_values_of_a_wrong_type_are_reported(at: str, double: Double, image: Path) -> None:
    @given(value=RESPONSES)
    @settings(FUZZ, max_examples=6)
    def check(value: Any) -> None:
        double.pool.faults.add("value", at=at, value=value, times=3)
        require_messages(use_everything(double, image))
        while double.pool.faults.take("value", at=at):
            pass

    check()


@pytest.mark.parametrize("kind", sorted(answers.FIELDS))
def test_records_with_a_wrong_field_are_reported(kind: str, double: Double, image: Path) -> None:
    for name, of in answers.FIELDS[kind].items():
        for wrong in (None, 7, "abc", [], {}, "9" * 5000, [None], {"weight": "x"}):
            record: dict[str, Any] = {field: _example(type_) for field, type_ in answers.FIELDS[kind].items()}
            record[name] = wrong
            try:
                assert answers.checked(f"{kind}.get_record", record)[name] == wrong
            except answers.ForeignAnswer as error:
                assert name in str(error) and "Remedy: " in str(error)
            else:
                # Only values that the field's type allows pass.
                int(wrong) if of == "int" else None  # type: ignore[arg-type]
        del record[name]
        with pytest.raises(answers.ForeignAnswer, match=f"field {name} is missing"):
            answers.checked(f"{kind}.get_record", record)


def _example(type_: str) -> Any:
    examples: dict[str, Any] = {"int": "1", "bool": True, "map": {}, "number map": {}, "ref set": []}
    return examples.get(type_, "OpaqueRef:1")


# Bytes: what is not XML-RPC, and what is not HTTP.

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
VALID = xmlrpc.client.dumps(({"Status": "Success", "Value": "OpaqueRef:1"},), methodresponse=True).encode()


def sized(content: bytes) -> bytes:
    return OK + f"Content-Length: {len(content)}\r\n\r\n".encode() + content


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"x" * 1000
    + b'">'
    + b"".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">'.encode() for i in range(8))
    + b"]><methodResponse><params><param><value>&i;</value></param></params></methodResponse>"
)
FOREIGN = {
    "html": sized(b"<!DOCTYPE html><html><body>Welcome to nginx!</body></html>"),
    "empty": sized(b""),
    "truncated": sized(VALID[: len(VALID) // 2]),
    "shorter-than-its-length": OK + b"Content-Length: 5000\r\n\r\n" + VALID[:40],
    "json": sized(b'{"Status": "Success"}'),
    "xml": sized(b"<?xml version='1.0'?><rss><channel/></rss>"),
    "not-utf8": sized(b"<methodResponse>\xff\xfe</methodResponse>"),
    "bad-base64": sized(VALID.replace(b"<string>OpaqueRef:1</string>", b"<base64>?</base64>")),
    "bad-int": sized(VALID.replace(b"<string>OpaqueRef:1</string>", b"<int>x</int>")),
    "bad-date": sized(
        VALID.replace(b"<string>OpaqueRef:1</string>", b"<dateTime.iso8601>x</dateTime.iso8601>")
    ),
    "huge-int": sized(VALID.replace(b"<string>OpaqueRef:1</string>", b"<int>" + b"9" * 6000 + b"</int>")),
    "fault": sized(xmlrpc.client.dumps(xmlrpc.client.Fault(1, "no such method")).encode()),
    "fault-without-parts": sized(b"<methodResponse><fault><value><struct/></value></fault></methodResponse>"),
    "no-params": sized(b"<methodResponse/>"),
    "deep": sized(b"<methodResponse><params><param>" + b"<value><array><data>" * 5000),
    "entities": sized(BOMB),
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    "bad-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "not-found": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "not-implemented": b"HTTP/1.1 501 Unsupported method\r\nConnection: close\r\n\r\n",
    "moved": b"HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "bad-status": b"HTTP/1.1 abc\r\n\r\n",
    "long-line": b"HTTP/1.1 200 " + b"x" * 70000 + b"\r\n\r\n",
    "many-headers": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("at", ["session.login_with_password", "VM.get_by_name_label"])
def test_foreign_bytes_are_reported(at: str, name: str, double: Double, image: Path) -> None:
    double.pool.faults.add("foreign", at=at, content=FOREIGN[name], times=20)
    results = use_everything(double, image)
    while double.pool.faults.take("foreign", at=at):
        pass
    assert any(answer["failed"] for answer in results)
    require_messages(results)


@given(content=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(sized)), cut=st.integers(0, 400))
@FUZZ
def test_damaged_answers_are_reported(content: bytes, cut: int, double: Double, image: Path) -> None:
    for answer in (content, sized(VALID)[:cut]):
        double.pool.faults.add("foreign", at="session.login_with_password", content=answer)
        require_messages([run("xenserver_facts", connection=connection(double))])
        double.pool.faults.take("foreign", at="session.login_with_password")


# Servers that are no XAPI.


@contextmanager
def serving(answer: Callable[[socket.socket], None], double: Double | None = None) -> Iterator[int]:
    """A server on 127.0.0.1 that calls ``answer`` for each connection; over TLS with a ``double``."""
    server, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()
    server.settimeout(0.1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if double:
        context.load_cert_chain(double.certificate, double.certificate.with_name("key.pem"))

    def one(client: socket.socket) -> None:
        try:
            client.settimeout(20)
            with context.wrap_socket(client, server_side=True) if double else client as wrapped:
                answer(wrapped)
        except OSError:
            return

    def serve() -> None:
        while not stop.is_set():
            try:
                client, _ = server.accept()
            except OSError:
                continue
            threading.Thread(target=one, args=(client,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        server.close()


class _Plain(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """No output."""


def test_ordinary_web_server_is_reported(double: Double) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Plain) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        plain = run("xenserver_facts", connection=connection(double, port=server.server_address[1]))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(double.certificate, double.certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        secure = run("xenserver_facts", connection=connection(double, port=server.server_address[1]))
        server.shutdown()
    assert (
        "no TLS connection" in plain["msg"] and "Remedy: check that hostname and port belong" in plain["msg"]
    )
    assert "HTTP status 501 in place of XAPI's answer" in secure["msg"]
    require_messages([plain, secure])


def _drip(first: bytes, each: bytes) -> Callable[[socket.socket], None]:
    def answer(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(first)
        until_s = time.monotonic() + 20
        while time.monotonic() < until_s:
            client.sendall(each)
            time.sleep(0.02)

    return answer


@pytest.mark.parametrize(
    ("first", "each"),
    [(OK + b"\r\n", b" "), (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"HTTP/1.1 200 OK\r\n", b"a")],
    ids=["body", "interim-responses", "header"],
)
def test_answer_without_end_is_given_up(
    first: bytes, each: bytes, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CALL_TIMEOUT_S", 0.5)
    began_s = time.monotonic()
    with serving(_drip(first, each), double) as port:
        answer = run("xenserver_facts", connection=connection(double, port=port))
    # Well before the 20 s for which the server would continue.
    assert time.monotonic() - began_s < 15
    assert "no whole answer within 0.5 s" in answer["msg"], answer["msg"]
    require_messages([answer])


def test_answer_that_is_too_large_is_refused(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "ANSWER_BYTES_MAX", 1 << 16)

    def answer_without_end(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(OK + b"\r\n")
        while True:  # until the other end closes
            client.sendall(b" " * 65536)

    with serving(answer_without_end, double) as port:
        answer = run("xenserver_facts", connection=connection(double, port=port))
    require_messages([answer])
    assert "MiB" in answer["msg"], answer["msg"]


# Uploads.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 418 Teapot\r\n\r\n",
        b"HTTP/1.1 302 Found\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://[::1\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:99999/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://a b/\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //\xff\xfe/\r\n\r\n",
    ],
)
def test_foreign_answer_to_an_upload_is_reported(
    content: bytes, double: Double, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.doubles.xapi import server

    def serve(pool: Any, request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(content)
        request.close_connection = True

    monkeypatch.setattr(server.uploads, "serve", serve)
    # Some are accepted as an answer of 200; then the task never ends.
    monkeypatch.setattr(upload, "TASK_PATIENCE_S", 0.3)
    answer = run("xenserver_disk", connection=connection(double), name="image", path=str(image))
    require_messages([answer])
    assert answer["failed"] and not double.pool.all("VDI")


# Options.


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"hostname": "https://xenserver"}, "hostname"),
        ({"hostname": "a b"}, "hostname"),
        ({"hostname": "x" * 300}, "hostname"),
        ({"hostname": ""}, "hostname"),
        ({"hostname": "xen:443"}, "hostname"),
        ({"hostname": "a\nb"}, "hostname"),
        ({"port": 0}, "port"),
        ({"port": 70000}, "port"),
        ({"fingerprint": {"127.0.0.1": 5}}, "fingerprint"),
        ({"fingerprint": 5}, "fingerprint"),
    ],
)
def test_invalid_connection_is_refused(changes: dict[str, Any], key: str, double: Double) -> None:
    answer = run("xenserver_facts", connection=connection(double, **changes))
    require_messages([answer])
    assert answer["failed"] and key in answer["msg"], answer["msg"]


def test_ipv6_address_is_put_in_brackets() -> None:
    option = {"hostname": "::1", "port": 443, "username": "", "password": "", "validate_certs": False}
    login = session.Login.of({**option, "ca_file": "", "fingerprint": ""})
    assert login.place == "[::1]:443"
    made = tls.Transport(login.trust, 1).make_connection(login.place)
    assert (made.host, made.port) == ("::1", 443)
