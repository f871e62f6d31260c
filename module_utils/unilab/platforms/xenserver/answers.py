"""The shape of XAPI's results, checked when they arrive.

A web server, a proxy or a damaged connection can answer with anything. What passes here can be used
without further checks; all else is one ForeignAnswer. Types are those of XAPI's data model; over
XML-RPC an int is a decimal string.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ansible.module_utils.unilab.errors import LabError

# The longest is a 64-bit number with its sign.
_INT = re.compile(r"-?\d{1,19}")
_SHOWN_CHARACTERS = 60

# Verb of a message to the type of its result. Verbs that are missing here return nothing that is used.
RESULTS = {
    "login_with_password": "ref",
    "get_all": "ref set",
    "get_by_name_label": "ref set",
    "get_by_uuid": "ref",
    "get_master": "ref",
    "get_default_SR": "ref",
    "get_possible_hosts": "ref set",
    "create": "ref",
    "clone": "ref",
    "get_record": "record",
    "get_power_state": "string",
    "get_status": "string",
    "get_progress": "float",
    "get_error_info": "string set",
    "query_data_source": "float",
}

# The fields of records that are read, by class. Real records have more.
FIELDS = {
    "host": {
        "uuid": "string",
        "name_label": "string",
        "address": "string",
        "enabled": "bool",
        "software_version": "map",
        "cpu_info": "map",
        "API_version_major": "int",
        "API_version_minor": "int",
    },
    "SR": {
        "uuid": "string",
        "name_label": "string",
        "type": "string",
        "physical_size": "int",
        "physical_utilisation": "int",
    },
    "network": {"uuid": "string", "name_label": "string", "bridge": "string"},
    "VDI": {"uuid": "string", "SR": "ref", "virtual_size": "int", "other_config": "map"},
    "VM": {
        "uuid": "string",
        "power_state": "string",
        "is_a_template": "bool",
        "is_control_domain": "bool",
        "resident_on": "ref",
        "memory_static_max": "int",
        "memory_dynamic_max": "int",
        "VCPUs_max": "int",
        "VCPUs_at_startup": "int",
        "VCPUs_params": "number map",
        "HVM_boot_params": "map",
        "domain_type": "string",
        "other_config": "map",
        "metrics": "ref",
        "VBDs": "ref set",
        "VIFs": "ref set",
    },
    "VM_metrics": {"memory_actual": "int", "VCPUs_number": "int", "VCPUs_params": "map"},
    "VBD": {"VDI": "ref"},
    "VIF": {"MAC": "string", "network": "ref"},
}


class ForeignAnswer(LabError):
    """An answer that XAPI does not give."""

    def __init__(self, message: str, problem: str) -> None:
        super().__init__(
            f"{message}: the answer is not one of XAPI: {problem}. Remedy: check that hostname and port "
            "belong to a XenServer or XCP-ng host, and that no proxy is between."
        )


def checked(message: str, value: Any) -> Any:
    """``value``, the result of ``message`` (such as ``VM.get_record``). Raises ForeignAnswer."""
    kind, _, verb = message.partition(".")
    expected = RESULTS.get(verb)
    if expected is None:
        return value
    if expected != "record":
        _require(message, "the result", expected, value)
        return value
    _require(message, "the result", "record", value)
    for name, of in FIELDS[kind].items():
        if name not in value:
            raise ForeignAnswer(message, f"the field {name} is missing")
        _require(message, f"the field {name}", of, value[name])
    return value


def checked_error(message: str, details: Any) -> list[str]:
    """``details``, the ErrorDescription of a failed call: a code and its parameters. Raises ForeignAnswer."""
    if not (_strings(details) and details and details[0]):
        raise ForeignAnswer(message, f"its ErrorDescription is {shown(details)}")
    return list(details)


def shown(value: Any) -> str:
    """``value`` in a few words, whatever it is."""
    if isinstance(value, (str, bytes, int, float)):
        text = repr(value[:_SHOWN_CHARACTERS] if isinstance(value, (str, bytes)) else value)
        return text[: _SHOWN_CHARACTERS + 20]
    return f"of the type {type(value).__name__}"


def _require(message: str, what: str, expected: str, value: Any) -> None:
    if not _CHECKS[expected](value):
        raise ForeignAnswer(message, f"{what} is {shown(value)}, and not a {expected}")


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _string_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _number(value: Any) -> bool:
    return isinstance(value, str) and _INT.fullmatch(value) is not None


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "string set": _strings,
    # A reference is opaque, and never empty.
    "ref": lambda value: isinstance(value, str) and bool(value),
    "ref set": lambda value: _strings(value) and all(value),
    "bool": lambda value: isinstance(value, bool),
    "int": _number,
    "float": lambda value: isinstance(value, float),
    "map": _string_map,
    # VCPUs_params: weight and cap are numbers where they are set; Xen ignores all else.
    "number map": lambda value: (
        _string_map(value) and all(_number(value[key]) for key in ("weight", "cap") if value.get(key))
    ),
    "record": lambda value: isinstance(value, dict),
}
