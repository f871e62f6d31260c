"""A target for the load: answers as responses.json of a workload defines, and reports an identity.

python3 responder.py RESPONSES PORT
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IDENTITY = {"nonce": "molecule", "artifact": "responder", "threads": 1}

ANSWERS = {("GET", "/identity"): (200, "application/json", json.dumps(IDENTITY).encode())}


class Handler(BaseHTTPRequestHandler):
    """Answers every method out of ``ANSWERS``."""

    protocol_version = "HTTP/1.1"  # keep-alive
    disable_nagle_algorithm = True  # header and body are two writes

    def answer(self) -> None:
        """Answer one request."""
        status, content_type, body = ANSWERS[self.command, self.path]
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet: a line for each request would be the most of the work."""


if __name__ == "__main__":
    for row in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        ANSWERS[row["method"], row["path"]] = (row["status"], row["content_type"], row["body"].encode())
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
