"""Connections to XAPI: TLS with a certificate that is checked, by a CA or by its fingerprint."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import xmlrpc.client
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.unilab.errors import LabError

# For address and handshake: who has not answered by then is no XAPI.
CONNECT_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Trust:
    """Which certificate is believed.

    Attributes:
        ca_file: PEM file of a CA or of the host's own certificate; "" for the system's CAs.
        fingerprint: SHA-256 of the host's certificate in hexadecimal, colons allowed; it then counts
            alone, whatever name the certificate has.
        verify: False believes any certificate.
    """

    ca_file: str = ""
    fingerprint: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """How a connection is made. Raises LabError where ``ca_file`` cannot be read."""
        if self.fingerprint or not self.verify:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return context
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise LabError(
                f"{self.ca_file}: key ca_file: cannot read a certificate: {error}. Remedy: give a PEM file."
            ) from None

    def expected(self) -> str:
        """The fingerprint in plain lower-case digits. Raises LabError where it is none."""
        plain = self.fingerprint.replace(":", "").lower()
        if plain and not re.fullmatch(r"[0-9a-f]{64}", plain):
            raise LabError(
                "key fingerprint: not a SHA-256 in hexadecimal. Remedy: openssl x509 -noout -fingerprint "
                "-sha256 -in CERTIFICATE."
            )
        return plain


class Connection(http.client.HTTPSConnection):
    """An HTTPS connection that is refused where the fingerprint is another."""

    def __init__(self, host: str, port: int, trust: Trust, timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s, context=trust.context())
        self._expected = trust.expected()

    def connect(self) -> None:
        """Connect, and look at the certificate. Raises LabError, OSError."""
        patience_s, self.timeout = self.timeout, CONNECT_TIMEOUT_S
        super().connect()
        self.timeout = patience_s
        self.sock.settimeout(patience_s)
        if not self._expected:
            return
        seen = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest()
        if seen != self._expected:
            self.close()
            raise LabError(
                f"{self.host}:{self.port}: key fingerprint: the host's certificate has {seen}. "
                "Remedy: if that is really your host, give this fingerprint."
            )


class Transport(xmlrpc.client.SafeTransport):
    """XML-RPC over such connections."""

    def __init__(self, trust: Trust, timeout_s: float) -> None:
        super().__init__()
        self._trust, self._timeout_s = trust, timeout_s

    def make_connection(self, host: Any) -> http.client.HTTPSConnection:
        """One connection, kept for the next call."""
        if self._connection and host == self._connection[0] and self._connection[1] is not None:
            return self._connection[1]  # type: ignore[return-value]
        name, _, port = str(host).rpartition(":")
        self._connection = host, Connection(name, int(port), self._trust, self._timeout_s)
        return self._connection[1]
