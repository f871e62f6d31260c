"""Whether the processor below a trial was emulated, so that its times are no evidence about hardware."""

from __future__ import annotations

from contracts.trial import TrialRecord

# What systemd-detect-virt prints on a machine whose processor QEMU emulates (TCG).
_EMULATED_MACHINE = "qemu"


def is_emulated(record: TrialRecord) -> bool:
    """Whether the instance's virtual CPU was emulated, or the processor of the host that it ran on.

    A guest on the KVM of an emulated server has a real hypervisor, and still the server's emulated times.
    """
    if record.instance is None:
        return False
    return record.instance.accelerator == "tcg" or host_is_emulated(record)


def host_is_emulated(record: TrialRecord) -> bool:
    """Whether the processor of the instance's host was emulated, as the host itself states."""
    if record.instance is None:
        return False
    host = record.provenance.get(record.instance.host, {})
    return isinstance(host, dict) and host.get("virtualization") == _EMULATED_MACHINE
