"""Heads that RFC 9112 lets a user agent accept, in the form that llhttp's strict parser accepts.

Only the forms below are rewritten. Everything else goes to the parser as it came, which refuses it by its
own reason.

line ends of a bare LF       RFC 9112, 2.2: a recipient may recognize a single LF as a line terminator
folded field lines           RFC 9112, 5.2: a user agent must replace each fold by spaces
equal Content-Length values  RFC 9110, 8.6: a recipient may replace them by one
Transfer-Encoding: identity  RFC 2616, 3.6: no coding at all, so Content-Length or the connection's end counts
chunked and Content-Length   RFC 9112, 6.3: Transfer-Encoding overrides Content-Length
"""

from __future__ import annotations

import re

_END = re.compile(rb"\n\r?\n")
_BARE_CR = re.compile(rb"\r[^\n]")
_TO_REWRITE = re.compile(
    rb"(?<!\r)\n|\n[ \t]|transfer-encoding|content-length[^\n]*,|content-length.*content-length",
    re.IGNORECASE | re.DOTALL,
)


def head_end(data: bytes) -> int:
    """Return how many bytes the head at the beginning of ``data`` has, 0 where it is not complete."""
    found = _END.search(data)
    return found.end() if found else 0


def may_begin_a_response(data: bytes) -> bool:
    """Whether a response may begin with ``data``: so that what is not HTTP is refused before a timeout."""
    head = data[: head_end(data)] or data
    return data[:5] == b"HTTP/"[: len(data)] and not _BARE_CR.search(head)


def regular_head(head: bytes) -> bytes:
    """Return the complete ``head`` of a response with the forms above replaced."""
    if not _TO_REWRITE.search(head):
        return head
    lines = _unfolded([line.removesuffix(b"\r") for line in head.split(b"\n")[:-2]])
    fields = [(line.partition(b":")[0].lower(), line) for line in lines[1:]]
    codings = _members(fields, b"transfer-encoding")
    kept = [coding for coding in codings if coding.lower() != b"identity"]
    lengths = _members(fields, b"content-length")
    out = [lines[0]]
    out += [line for name, line in fields if name not in (b"transfer-encoding", b"content-length")]
    if kept:
        out.append(b"Transfer-Encoding: " + b", ".join(kept))
    if lengths and not (kept and kept[-1].lower() == b"chunked"):
        equal = len(set(lengths)) == 1
        out += [b"Content-Length: " + length for length in (lengths[:1] if equal else lengths)]
    return b"\r\n".join([*out, b"", b""])


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """Append each line that begins with white space to the one before, except to the status line."""
    out: list[bytes] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and len(out) > 1:
            out[-1] = out[-1].rstrip(b" \t") + b" " + line.lstrip(b" \t")
        else:
            out.append(line)
    return out


def _members(fields: list[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    """The comma-separated members of all fields of the name ``wanted``, in order."""
    values = [line.partition(b":")[2] for name, line in fields if name == wanted]
    return [member.strip(b" \t") for value in values for member in value.split(b",")]
