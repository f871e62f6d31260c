"""The double's server: XML-RPC and uploads over TLS, on an address of 127.0.0.0/8."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
import threading
import xmlrpc.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.doubles.xapi import uploads
from tests.doubles.xapi.backends import Backend
from tests.doubles.xapi.pool import PASSWORD, USER, Pool


class Double:
    """A running double.

    Attributes:
        pool: its objects, counts and faults; members of one pool share it.
        address, port: where it listens.
        certificate: its certificate, which is its own CA.
        fingerprint: SHA-256 of the certificate, in hexadecimal.
    """

    user, password = USER, PASSWORD

    def __init__(
        self,
        directory: Path,
        backend: Backend,
        bridge: str = "br0",
        port: int = 0,
        *,
        address: str = "127.0.0.1",
        pool: Pool | None = None,
    ) -> None:
        self.address = address
        self.pool = pool or Pool(directory / "disks", backend, bridge)
        self.certificate, key = _make_certificate(directory, address)
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        self.fingerprint = hashlib.sha256(der).hexdigest()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self._server = _Server((address, port), self, context)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Double:
        """Serve in a thread."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the server and every VM."""
        self._server.shutdown()
        self._server.server_close()
        self.pool.close()

    def serve(self) -> None:
        """Serve in this thread until ``stop`` is called."""
        self._server.serve_forever()

    def state(self) -> dict[str, Any]:
        """Counts and calls, for tests."""
        with self.pool.lock:
            return {
                "left_behind": self.pool.left_behind(),
                "used": dict(sorted(self.pool.used.items())),
                "refused": self.pool.refused,
                "uploaded_bytes": self.pool.uploaded_bytes,
            }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], double: Double, context: ssl.SSLContext) -> None:
        super().__init__(address, _Handler)
        self.double, self.pool, self._context = double, double.pool, context

    def get_request(self) -> tuple[Any, Any]:
        connection, address = self.socket.accept()
        # The handshake runs in the handler's thread: a silent client then blocks no other.
        secure = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return secure, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients close connections early on purpose in tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request.settimeout(60)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.do_handshake()
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        params, method = xmlrpc.client.loads(body, use_builtin_types=True)
        if fault := self.server.pool.faults.take("foreign", at=method):
            # Sent as it is, and then closed: the status line too is the fault's.
            self.wfile.write(fault["content"])
            self.close_connection = True
            return
        answer = self.server.pool.call(method or "", params)
        if fault := self.server.pool.faults.take("value", at=method):
            answer = fault["value"]
        self._send(xmlrpc.client.dumps((answer,), methodresponse=True, allow_none=True).encode(), "text/xml")

    def do_GET(self) -> None:
        if self.path != "/double/state":  # the double's own, for playbooks
            self.send_error(404)
            return
        self._send(json.dumps(self.server.double.state()).encode(), "application/json")

    def do_PUT(self) -> None:
        if self.path == "/double/faults":  # the double's own, for playbooks
            fault = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.pool.faults.add(**fault)
            self._send(b"{}", "application/json")
            return
        uploads.serve(self.server.pool, self)

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """The pool keeps a log of its own."""


def _make_certificate(directory: Path, address: str) -> tuple[Path, Path]:
    """A self-signed certificate for ``address`` and localhost; a XenServer makes one for itself too."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    if not certificate.exists():
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "30"),
                *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=xapi-double"),
                *("-addext", f"subjectAltName=DNS:localhost,IP:{address}"),
            ],
            check=True,
            capture_output=True,
        )
    return certificate, key
