"""A session with XAPI, ended in every case: XAPI keeps a limited number for one user."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.answers import ForeignAnswer, checked
from ansible.module_utils.unilab.platforms.xenserver.errors import explained, foreign_answers
from ansible.module_utils.unilab.platforms.xenserver.tls import Transport, Trust, read_fingerprints

VERSION, ORIGINATOR = "2.0", "unilab"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CALL_TIMEOUT_S = 300.0  # VM.start and VDI.clone answer when they are done
_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63})*\.?")

# The option `connection` of every module that uses XAPI.
OPTION: dict[str, Any] = {
    "type": "dict",
    "options": {
        "hostname": {"type": "str", "required": True},
        "port": {"type": "int", "default": 443},
        "username": {"type": "str", "default": "root"},
        "password": {"type": "str", "required": True, "no_log": True},
        "ca_file": {"type": "path", "default": ""},
        "fingerprint": {"type": "raw", "default": ""},
        "validate_certs": {"type": "bool", "default": True},
    },
}


def is_address(text: str) -> bool:
    """Whether ``text`` is a host name or an IP address, without port or brackets."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(text)
        return True
    return _HOST_NAME.fullmatch(text) is not None


@dataclass(frozen=True)
class Login:
    """Where to log in, and as whom.

    ``origin`` says where the address is from, "" where the user gave it.
    """

    hostname: str
    port: int
    username: str
    password: str = field(repr=False)
    trust: Trust
    origin: str = ""

    @classmethod
    def of(cls, option: Mapping[str, Any]) -> Login:
        """From the option ``connection``. Raises LabError."""
        hostname, port = option["hostname"].strip().removeprefix("[").removesuffix("]"), option["port"]
        if not is_address(hostname):
            raise LabError(
                f"key hostname: {hostname[:80]!r} is neither a host name nor an address. Remedy: give it "
                "without https:// and without a port."
            )
        if not 1 <= port <= 65535:
            raise LabError(f"key port: {port} is not within 1 and 65535. Remedy: XAPI's port is 443.")
        fingerprints = read_fingerprints(option["fingerprint"] or "")
        trust = Trust(option["ca_file"] or "", fingerprints, option["validate_certs"])
        return cls(hostname, port, option["username"], option["password"], trust)

    @property
    def place(self) -> str:
        """ADDRESS:PORT, with brackets around an IPv6 address."""
        return f"[{self.hostname}]:{self.port}" if ":" in self.hostname else f"{self.hostname}:{self.port}"

    def at(self, hostname: str, port: int, origin: str) -> Login:
        """The same account at another member of the pool."""
        return replace(self, hostname=hostname, port=port, origin=origin)


class _Calls:
    """XAPI's messages: ``calls.VM.get_record(ref)``. Each result has the type that XAPI gives it.

    Raises Failure for XAPI's own errors, ForeignAnswer for an answer that XAPI does not give.
    """

    def __init__(self, messages: Any, name: str = "") -> None:
        self._messages, self._name = messages, name

    def __getattr__(self, name: str) -> _Calls:
        return _Calls(getattr(self._messages, name), f"{self._name}.{name}".lstrip("."))

    def __call__(self, *params: Any) -> Any:
        with foreign_answers(self._name):
            return checked(self._name, self._messages(*params))


class Xapi:
    """An open session.

    Attributes:
        login: where it is logged in; the pool's coordinator, whichever member was named.
        call: XAPI's messages, ``call.VM.start(...)``; the session is put in.
    """

    def __init__(self, login: Login) -> None:
        from XenAPI import Session

        self.login = login
        transport = Transport(login.trust, CALL_TIMEOUT_S, login.origin)
        self._session = Session(f"https://{login.place}/", transport=transport)
        self.call: Any = _Calls(self._session.xenapi)

    @property
    def handle(self) -> str:
        """The session's reference, for uploads."""
        return str(self._session.handle)

    def log_in(self) -> None:
        """Log in, again where the session has ended."""
        login, message = self.login, "session.login_with_password"
        with foreign_answers(message):
            self._session.login_with_password(login.username, login.password, VERSION, ORIGINATOR)
            checked(message, self._session.handle)

    def log_out(self) -> None:
        """End the session; one that has ended already is no error."""
        with contextlib.suppress(Exception):
            self._session.xenapi.session.logout()


@contextmanager
def session(login: Login) -> Iterator[Xapi]:
    """Log in, at the pool's coordinator where another member was named, and log out at the end.

    A signal that would end the module raises KeyboardInterrupt within, so that what was begun is undone.
    Raises LabError.
    """
    with _interruptible(), explained(login.place):
        xapi = _logged_in(login)
        try:
            yield xapi
        finally:
            xapi.log_out()


def _logged_in(login: Login) -> Xapi:
    from XenAPI import Failure

    xapi = Xapi(login)
    try:
        xapi.log_in()
    except Failure as failure:
        if failure.details[0] != "HOST_IS_SLAVE":
            raise
        address = failure.details[1] if len(failure.details) > 1 else ""
        if not is_address(address):
            raise ForeignAnswer(
                "session.login_with_password", "HOST_IS_SLAVE names no address of a coordinator"
            ) from None
        origin = f"It is the coordinator of the pool, which the member {login.hostname} named"
        xapi = Xapi(login.at(address, login.port, origin))
        xapi.log_in()
    return xapi


@contextmanager
def _interruptible() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_IGN)  # nothing may interrupt the removal that follows
        raise KeyboardInterrupt

    before = {name: signal.signal(name, interrupt) for name in _SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise LabError("interrupted; what was begun on the XenServer has been removed.") from None
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
