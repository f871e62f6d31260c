"""Connections to XAPI: TLS with a certificate that is checked, by a CA or by its fingerprint."""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import ssl
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.answers import ForeignAnswer
from ansible.module_utils.unilab.platforms.xenserver.deadline import deadline

# For address and handshake: a host that has not answered by then is no XAPI.
CONNECT_TIMEOUT_S = 15.0
# A record of XAPI has some kilobytes.
ANSWER_BYTES_MAX = 16 << 20

_SHA256 = re.compile(r"[0-9a-f]{64}")
_HOW = "openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE"

# Address to SHA-256, or SHA-256 of any address under "".
Fingerprints = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Trust:
    """Which certificates are trusted.

    Attributes:
        ca_file: PEM file of CAs or of the hosts' own certificates; "" for the system's CAs.
        fingerprints: SHA-256 of the hosts' certificates, see ``read_fingerprints``; they then count alone,
            whatever name a certificate has.
        verify: False trusts any certificate.
    """

    ca_file: str = ""
    fingerprints: Fingerprints = ()
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """How a connection is made. Raises LabError where ``ca_file`` cannot be read."""
        if self.fingerprints or not self.verify:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise LabError(
                f"{self.ca_file}: key ca_file: cannot read a certificate: {error}. Remedy: give a PEM file."
            ) from None

    def expected(self, address: str) -> set[str]:
        """The fingerprints that count for ``address``; those given for it alone, where there are any."""
        own = {digest for name, digest in self.fingerprints if name.lower() == address.lower()}
        return own or {digest for name, digest in self.fingerprints if not name}


def read_fingerprints(option: object) -> Fingerprints:
    """The option ``fingerprint``: one SHA-256, a list of them, or a mapping from address to SHA-256.

    Hexadecimal, colons allowed. Raises LabError, which names the entry.
    """
    if isinstance(option, Mapping):
        return tuple((str(address), _digest(value, f"{address}: ")) for address, value in option.items())
    entries = option.split(",") if isinstance(option, str) else option
    if not isinstance(entries, Sequence):
        raise LabError(
            "key fingerprint: neither text, a list nor a mapping. Remedy: give one SHA-256, a list with "
            "one of each member of the pool, or a mapping from each member's address to its SHA-256."
        )
    return tuple(("", _digest(entry, "")) for entry in entries if entry != "")


def _digest(value: object, where: str) -> str:
    plain = str(value).strip().replace(":", "").lower()
    if not _SHA256.fullmatch(plain):
        raise LabError(f"key fingerprint: {where}not a SHA-256 in hexadecimal. Remedy: {_HOW}.")
    return plain


class Connection(http.client.HTTPSConnection):
    """An HTTPS connection that is refused where the certificate's fingerprint is not a trusted one.

    ``origin`` says where the address is from, where it was not given by the user: another member of the
    pool has another certificate.
    """

    def __init__(self, host: str, port: int, trust: Trust, timeout_s: float, origin: str = "") -> None:
        super().__init__(host, port, timeout=timeout_s, context=trust.context())
        self._trust, self._origin = trust, origin
        self.opened: socket.socket | None = None

    def connect(self) -> None:
        """Connect, and check the certificate. Raises LabError, OSError."""
        patience_s, self.timeout = self.timeout, CONNECT_TIMEOUT_S
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            raise LabError(self._not_trusted(error.verify_message)) from None
        except ssl.SSLError as error:
            raise LabError(
                f"{self.host}:{self.port}: no TLS connection: {error.reason or error}. Remedy: check that "
                "hostname and port belong to a XenServer or XCP-ng host; XAPI listens for TLS at port 443."
            ) from None
        self.timeout = patience_s
        self.sock.settimeout(patience_s)
        self.opened = self.sock
        if not self._trust.fingerprints:
            return
        found = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if found not in self._trust.expected(self.host):
            self.close()
            raise LabError(self._unknown_fingerprint(found))

    def _unknown_fingerprint(self, found: str) -> str:
        where = f"{self.host}:{self.port}: key fingerprint: the host's certificate has {found}"
        if self._origin:
            return (
                f"{where}. {self._origin}, and each member of a pool has a certificate of its own. Remedy: "
                "if that is really a member of your pool, give the fingerprints of all members, as a list."
            )
        return (
            f"{where}. Remedy: if that is really your host, give this fingerprint; for a pool, give those of "
            "all members, as a list."
        )

    def _not_trusted(self, reason: str) -> str:
        origin = f" {self._origin}." if self._origin else ""
        return (
            f"{self.host}:{self.port}: the certificate cannot be trusted: {reason}.{origin} Remedy: name "
            "the host's certificate (/etc/xensource/xapi-ssl.pem there; for a pool those of all members "
            "in one file) as ca_file, or its SHA-256 as fingerprint."
        )


class Transport(xmlrpc.client.SafeTransport):
    """XML-RPC over such connections, with limits on the time and the size of a whole answer."""

    # Else a few bytes could become gigabytes.
    accept_gzip_encoding = False

    def __init__(self, trust: Trust, timeout_s: float, origin: str = "") -> None:
        super().__init__()
        self._trust, self._timeout_s, self._origin = trust, timeout_s, origin

    def make_connection(self, host: Any) -> Connection:
        """One connection, kept for the next call."""
        if self._connection and host == self._connection[0] and self._connection[1] is not None:
            return self._connection[1]  # type: ignore[return-value]
        name, _, port = str(host).rpartition(":")
        made = Connection(name.strip("[]"), int(port), self._trust, self._timeout_s, self._origin)
        self._connection = host, made
        return made

    def single_request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> Any:
        """One call. Raises ProtocolError, ForeignAnswer, LabError, OSError, and what the parser raises."""
        try:
            with deadline(self.make_connection(host), self._timeout_s):
                answer = self.send_request(host, handler, request_body, verbose).getresponse()
                # An error's page is not read: it can be of any size.
                content = answer.read(ANSWER_BYTES_MAX + 1) if answer.status == 200 else b""
        except BaseException:
            self.close()
            raise
        if answer.status != 200:
            self.close()
            raise xmlrpc.client.ProtocolError(f"{host}{handler}", answer.status, answer.reason, {})
        if len(content) > ANSWER_BYTES_MAX:
            self.close()
            raise ForeignAnswer(str(host), f"it has more than {ANSWER_BYTES_MAX >> 20} MiB")
        parser, unmarshaller = self.getparser()
        parser.feed(content)
        parser.close()
        return unmarshaller.close()
