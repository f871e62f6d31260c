"""XAPI's errors as one message with a remedy."""

from __future__ import annotations

import http.client
import xmlrpc.client
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms.xenserver.answers import ForeignAnswer, checked_error, shown

# Remedies of the errors that a user can correct (codes: XAPI's data model).
_REMEDIES = {
    "SESSION_AUTHENTICATION_FAILED": "check username and password",
    "SR_FULL": "free space in the storage repository, or name another",
    "VDI_IN_USE": "shut down the VM that uses the disk",
    "HOST_NOT_ENOUGH_FREE_MEMORY": "shut down other VMs, or give the guest less memory",
    "HOST_DISABLED": "enable the host, or name another member of the pool",
    "HOST_OFFLINE": "boot the host, or name another member of the pool",
    "NO_HOSTS_AVAILABLE": "check that a host of the pool is enabled and reaches storage and network",
    "VM_REQUIRES_SR": "name a member of the pool that reaches the storage repository, or use a shared one",
    "VM_REQUIRES_NETWORK": "name a member of the pool that reaches the network",
    "VM_HVM_REQUIRED": "enable hardware virtualisation in the host's firmware",
    "RBAC_PERMISSION_DENIED": "use an account with the role vm-admin or higher",
    "LICENCE_RESTRICTION": "see the host's licence",
    "HOST_IS_SLAVE": "give the address of the pool's coordinator as hostname",
    "HOST_STILL_BOOTING": "wait until XAPI has started",
    "OTHER_OPERATION_IN_PROGRESS": "wait until it has ended",
    "MAC_INVALID": "give six pairs of hexadecimal digits",
    "VM_BAD_POWER_STATE": "try again: another client has changed the VM's state",
    "SESSION_INVALID": "try again: the session has ended, as it does when XAPI restarts",
}
_ELSE = "see /var/log/xensource.log on the host"


def explain(doing: str, details: Sequence[str]) -> LabError:
    """The error for XAPI's ErrorDescription ``details``, met while ``doing``."""
    code, parameters = str(details[0]), ", ".join(str(detail) for detail in details[1:] if detail)
    text = f"{code} ({parameters})" if parameters else code
    return LabError(f"{doing}: XenServer answered {text}. Remedy: {_REMEDIES.get(code, _ELSE)}.")


@contextmanager
def foreign_answers(message: str) -> Iterator[None]:
    """Turn what the parsers of answers raise for ``message`` into ForeignAnswer.

    Around the client's own code and nothing else: what XAPI's client and Python's parsers raise for bytes
    that are not XAPI's has no common class (ExpatError, ResponseError, TypeError, KeyError, IndexError,
    ValueError, OverflowError and more). Raises Failure with an ErrorDescription that is checked, LabError,
    Fault, ProtocolError, OSError, HTTPException.
    """
    from XenAPI import Failure

    try:
        yield
    except Failure as failure:
        failure.details = checked_error(message, failure.details)
        raise
    except (LabError, xmlrpc.client.Fault, xmlrpc.client.ProtocolError, OSError, http.client.HTTPException):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise ForeignAnswer(message, f"{type(error).__name__}: {reason}") from None


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn every error of a call of XAPI into one LabError."""
    from XenAPI import Failure

    try:
        yield
    except Failure as failure:
        raise explain(doing, failure.details) from None
    except xmlrpc.client.Fault as fault:
        raise LabError(
            f"{doing}: XenServer answered fault {shown(fault.faultCode)}: {shown(fault.faultString)}. "
            "Remedy: try again; if it stays, check that hostname and port are those of a XenServer."
        ) from None
    except xmlrpc.client.ProtocolError as error:
        raise LabError(
            f"{doing}: HTTP status {error.errcode} in place of XAPI's answer. Remedy: check that "
            "hostname and port belong to a XenServer: an ordinary web server answers like this."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join((str(error) or type(error).__name__).split())[:200]
        raise LabError(
            f"{doing}: no answer from XenServer: {reason}. Remedy: check address and port, and that it is up."
        ) from None


@contextmanager
def undoing(what: str, undo: Callable[[], object]) -> Iterator[None]:
    """Call ``undo`` where the block fails or is interrupted; then the block's error continues.

    Where ``undo`` fails too, one LabError states both errors, and that ``what`` remains.
    """
    try:
        yield
    except BaseException as first:
        try:
            undo()
        except Exception as second:
            raise LabError(
                f"{_message(first)} Besides, {what} is left on the XenServer: {_message(second)} "
                "Remedy: run the same again, or remove it by hand."
            ) from None
        raise


def _message(error: BaseException) -> str:
    try:
        with explained("XAPI"):
            raise error
    except Exception as explanation:
        return str(explanation)
    except BaseException:
        return "Interrupted."
