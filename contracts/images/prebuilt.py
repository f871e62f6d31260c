"""A prebuilt unikernel: an image that the user made elsewhere, and how it is booted and recognised."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contracts.workload import PARAMETERS, SERVICE_PORT

# What a command line can be given of its trial; each stands in braces.
PLACEHOLDERS = (
    "address",
    "prefix_length",
    "netmask",
    "gateway",
    "port",
    "nonce",
    "threads",
    "memory_mib",
    *PARAMETERS,
)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class PrebuiltImage(BaseModel):
    """What a hypervisor is given for one service. Paths are absolute, or relative to the study's folder.

    Attributes:
        kernel: a PVH or multiboot ELF, or a Linux bzImage; without it the guest boots from ``disk``.
        disk: raw, qcow2 or VHD. What the guest writes to it is lost with the guest.
        command_line: of the kernel, with ``PLACEHOLDERS`` in braces.
        address: where it answers, for an image that takes no configuration; None is the laboratory's guest
            address.
        identity: ``nonce`` where it takes a nonce and reports it at ``/identity``, as unilab's own services;
            ``answers`` where it is known only by the workload's right answers.
        machine: QEMU's board; pc for a unikernel that knows no PCI Express.
        kernel_elf: the ELF file of the kernel that ``disk`` or a packed ``kernel`` holds. Only its addresses
            are read, so that instructions of kernel and application are counted apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kernel: str | None = None
    initrd: str | None = None
    disk: str | None = None
    command_line: str = ""
    port: int = Field(default=SERVICE_PORT, ge=1, le=65535)
    address: IPv4Address | None = None
    identity: Literal["nonce", "answers"] = "answers"
    machine: Literal["q35", "pc"] = "q35"
    kernel_elf: str | None = None

    @field_validator("command_line")
    @classmethod
    def _known_placeholders(cls, text: str) -> str:
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                raise ValueError(f"unknown placeholder '{{{name}}}'; known are {', '.join(PLACEHOLDERS)}")
        return text

    @model_validator(mode="after")
    def _bootable(self) -> PrebuiltImage:
        if self.kernel is None and self.disk is None:
            raise ValueError("give a kernel or a disk to boot from")
        for key in ("initrd", "command_line"):
            if getattr(self, key) and self.kernel is None:
                raise ValueError(f"{key} goes to a kernel: give one, or omit {key}")
        if self.identity == "nonce" and "{nonce}" not in self.command_line:
            raise ValueError("identity 'nonce' needs {nonce} in command_line, else say 'answers'")
        return self


def filled_command_line(text: str, values: dict[str, str]) -> str:
    """``text`` with every placeholder filled from ``values``; braces around anything else stay."""
    return _PLACEHOLDER.sub(lambda found: values[found.group(1)], text)
