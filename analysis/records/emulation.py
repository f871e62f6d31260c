"""Whether the processor below a trial was emulated, so that its times are no evidence about hardware."""

from __future__ import annotations

from contracts.trial import TrialRecord

# What systemd-detect-virt prints on a machine whose processor QEMU emulates (TCG).
_EMULATED_MACHINE = "qemu"


def is_emulated(record: TrialRecord) -> bool:
    """Whether the instance's virtual CPU was emulated, or the processor of the host that it ran on.

    A guest on the KVM of an emulated server has a real hypervisor, and still the server's emulated times.
    """
    return record.instance is not None and (record.instance.is_emulated or host_is_emulated(record))


def host_is_emulated(record: TrialRecord) -> bool:
    """Whether the processor of the instance's host was emulated.

    Records before version 3 do not hold the processor: there the host's own provenance states it.
    """
    if record.instance is None:
        return False
    if record.instance.host_processor is not None:
        return record.instance.host_processor == "tcg"
    host = record.provenance.get(record.instance.host, {})
    return isinstance(host, dict) and host.get("virtualization") == _EMULATED_MACHINE
