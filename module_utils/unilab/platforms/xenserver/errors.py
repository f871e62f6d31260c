"""XAPI's errors in words that help."""

from __future__ import annotations

import http.client
import ssl
import xmlrpc.client
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ansible.module_utils.unilab.errors import LabError

# What a user can do about the errors that a user can do something about (codes: XAPI's data model).
_REMEDIES = {
    "SESSION_AUTHENTICATION_FAILED": "check username and password",
    "SR_FULL": "free space in the storage repository, or name another",
    "VDI_IN_USE": "shut down the VM that uses the disk",
    "HOST_NOT_ENOUGH_FREE_MEMORY": "shut down other VMs, or give the guest less memory",
    "NO_HOSTS_AVAILABLE": "check that a host of the pool is enabled and reaches storage and network",
    "VM_HVM_REQUIRED": "enable hardware virtualisation in the host's firmware",
    "RBAC_PERMISSION_DENIED": "use an account with the role vm-admin or higher",
    "LICENCE_RESTRICTION": "see the host's licence",
    "HOST_IS_SLAVE": "name the pool's coordinator",
    "OTHER_OPERATION_IN_PROGRESS": "wait until it has ended",
    "MAC_INVALID": "give six pairs of hexadecimal digits",
    "VM_BAD_POWER_STATE": "try again: somebody else has changed the VM's state",
    "SESSION_INVALID": "try again: the session has ended, as it does when XAPI restarts",
}
_ELSE = "see /var/log/xensource.log on the host"


def explain(doing: str, details: Sequence[str]) -> LabError:
    """The error for XAPI's ErrorDescription ``details``, met while ``doing``."""
    code, carried = str(details[0]), ", ".join(str(detail) for detail in details[1:] if detail)
    told = f"{code} ({carried})" if carried else code
    return LabError(f"{doing}: XenServer answered {told}. Remedy: {_REMEDIES.get(code, _ELSE)}.")


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn whatever a call of XAPI raises into one LabError."""
    from XenAPI import Failure

    try:
        yield
    except Failure as failure:
        raise explain(doing, failure.details) from None
    except xmlrpc.client.Fault as fault:
        raise LabError(f"{doing}: XenServer answered fault {fault.faultCode}: {fault.faultString}.") from None
    except xmlrpc.client.ProtocolError as error:
        raise LabError(
            f"{doing}: HTTP status {error.errcode} instead of an answer. Remedy: check that hostname and "
            "port are XenServer's."
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise LabError(
            f"{doing}: the certificate cannot be trusted: {error.verify_message}. Remedy: name the host's "
            "certificate (/etc/xensource/xapi-ssl.pem there) as ca_file, or its SHA-256 as fingerprint."
        ) from None
    except (TimeoutError, OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise LabError(
            f"{doing}: no answer from XenServer: {reason}. Remedy: check address and port, and that it is up."
        ) from None


@contextmanager
def undoing(what: str, undo: Callable[[], object]) -> Iterator[None]:
    """Call ``undo`` where the block fails or is interrupted; its error then goes on.

    Where undoing fails too, one LabError tells both, and that ``what`` is left.
    """
    try:
        yield
    except BaseException as first:
        try:
            undo()
        except Exception as second:
            raise LabError(
                f"{_words(first)} Besides, {what} is left on the XenServer: {_words(second)} "
                "Remedy: run the same again, or remove it by hand."
            ) from None
        raise


def _words(error: BaseException) -> str:
    try:
        with explained("XAPI"):
            raise error
    except Exception as told:
        return str(told)
    except BaseException:
        return "Interrupted."
