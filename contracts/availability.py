"""Which arms of a study this laboratory can run, and what would help with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.arms import arm_named
from contracts.campaign import NotRun
from contracts.study import Study

_OSV_REMEDY = (
    "give the same command again where OSv's releases can be reached, or name a kernel: "
    "`make demo OSV_LOADER=PATH`, or -e osv_loader=PATH with ansible-playbook"
)


def arms_not_run(
    study: Study, groups: Mapping[str, Sequence[str]], osv_loader: str, why_no_loader: str = ""
) -> list[NotRun]:
    """Return the arms of ``study`` that cannot run, with why and remedy.

    ``groups`` are the inventory's, name to hosts; ``osv_loader`` is "" where there is none, and
    ``why_no_loader`` is the reason.
    """
    rows: list[NotRun] = []
    for name in study.booted_arms:
        arm = arm_named(name)
        if not groups.get(arm.host_group):
            rows.append(
                NotRun(
                    arm=name,
                    why=f"the inventory has no host in group {arm.host_group}",
                    remedy=f"add one to {arm.host_group}, as inventories/lab/hosts.yml has it",
                )
            )
        elif arm.runtime == "osv" and not osv_loader:
            rows.append(NotRun(arm=name, why=why_no_loader or "no OSv loader was given", remedy=_OSV_REMEDY))
        elif arm.runtime == "osv" and arm.platform == "xenserver" and is_elf(osv_loader):
            rows.append(
                NotRun(
                    arm=name,
                    why="the OSv loader is an ELF kernel, and a XenServer boots whole disks",
                    remedy="give OSv's loader image (loader.img) with -e osv_loader=PATH",
                )
            )
    return rows


def is_elf(path: str) -> bool:
    """Whether the file is an ELF, as OSv's kernel.elf is; False where it cannot be read."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4) == b"\x7fELF"
    except OSError:
        return False
