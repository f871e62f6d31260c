"""What it costs to count: a guest with the plugin and one without, loaded in turn in one run.

    python -m benchmarks.counting                                # 20 pairs of windows of 2 s, a Linux guest
    python -m benchmarks.counting --osv-loader PATH --rounds 20  # OSv kernel, as an ELF file

Both guests run todos-go on one virtual CPU under TCG. While one is loaded by wrk, the other is paused.
Requests are divided by the CPU seconds of QEMU, because other programs of the machine take wall time and not
CPU time.
Goals: at most 5 % fewer requests per CPU second; the sampling thread takes less than 1 % of a core.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import ansible.module_utils

PROJECT = Path(__file__).resolve().parents[2]
ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))

from ansible.module_utils.unilab.counting.plugin import Counting, compile_plugin, installed_path  # noqa: E402
from ansible.module_utils.unilab.images.linux import boot as linux_boot  # noqa: E402
from ansible.module_utils.unilab.images.linux import disk as linux_disk  # noqa: E402
from ansible.module_utils.unilab.images.osv import disk as osv_disk  # noqa: E402
from ansible.module_utils.unilab.lab import network as lab_network  # noqa: E402
from ansible.module_utils.unilab.lab.namespaces import Worker  # noqa: E402
from ansible.module_utils.unilab.platforms import first_answer, qemu  # noqa: E402
from ansible.module_utils.unilab.staging import Staged, build, stage  # noqa: E402

from analysis.estimates.ratio import mean_interval  # noqa: E402
from benchmarks.comparisons import missing_program  # noqa: E402
from contracts.manifest import load_manifest  # noqa: E402
from contracts.work.kernel_ranges import LINUX_KERNEL_RANGE, kernel_ranges  # noqa: E402
from filter_plugins.command_lines.command_line import linux_command_line, osv_command_line  # noqa: E402
from filter_plugins.project.manifests import service_manifest  # noqa: E402

SOURCE = PROJECT / "roles/qemu_host/files/work_counter.c"
SERVICE, PORT, CONNECTIONS = "todos-go", 8080, 40
LAB, GATEWAY = f"ucount{os.getpid()}", "10.77.3.1"
MEMORY_MIB, PATIENCE_S = 256, 120
SAMPLER = "work_counter"  # the name that the plugin gives its thread
_LEAST_PAIRS = 3
SPEED_GOAL, SAMPLER_GOAL = 0.95, 0.01


@dataclass(frozen=True)
class Machine:
    """One of the two guests; ``address`` is its own."""

    guest: qemu.Guest
    nonce: str
    address: str
    boot: qemu.Boot


@dataclass(frozen=True)
class Window:
    """One guest under load: requests, and seconds on the clock, of QEMU's CPU, of the sampling thread."""

    requests: int
    seconds: float
    cpu_s: float
    sampler_s: float


def machines(folder: Path, loader: Path | None, root: Path) -> tuple[Machine, Machine]:
    """The guest that is counted and the one that is not, of one image."""
    manifest = load_manifest(PROJECT / "services" / service_manifest(SERVICE))
    build(manifest)
    staged = stage(manifest, folder / "tree", write=True)
    plugin = installed_path(SOURCE.read_bytes(), folder)
    compile_plugin(SOURCE.read_bytes(), plugin)
    kernel, initrd, counting = _kernel(folder, loader, root, plugin, staged)
    boot = qemu.Boot(
        accelerator="tcg",
        vcpus=1,
        memory_mib=MEMORY_MIB,
        kernel=kernel,
        initrd=initrd,
        command_line="",
        disk=folder / "disk",
        disk_writes="refused",
        bridge=lab_network.BRIDGE,
        cpus=str(max(os.sched_getaffinity(0))),
    )
    return (
        _machine("counted", "10.77.3.101", staged, replace(boot, counting=counting), folder),
        _machine("plain", "10.77.3.102", staged, boot, folder),
    )


def _kernel(
    folder: Path, loader: Path | None, root: Path, plugin: Path, staged: Staged
) -> tuple[Path, Path | None, Counting]:
    """Kernel, initramfs, and how the kernel is counted; writes the disk that goes with it."""
    if loader:
        ranges = kernel_ranges(loader)
        osv_disk.write_disk(osv_disk.Disk(staged.tree, "kernel", loader), folder / "disk")
        return loader, None, Counting(plugin, ranges.kernel, ranges.idle)
    linux_disk.write_disk(staged.tree, staged.libc, folder / "disk")
    made = linux_boot.make_boot_files(folder, "", check_mode=False, root=root)
    return made.kernel.path, made.initrd.path, Counting(plugin, (LINUX_KERNEL_RANGE,))


def _machine(name: str, address: str, staged: Staged, boot: qemu.Boot, folder: Path) -> Machine:
    """The guest ``name``, which boots as ``boot`` does, with a command line of its own."""
    manifest = staged.manifest
    env = {**manifest.env, "UNILAB_PORT": PORT, "UNILAB_THREADS": 1, "UNILAB_NONCE": name}
    if boot.initrd:
        line = linux_command_line(manifest.cmdline, env, f"{address}/24", GATEWAY)
    else:
        command = manifest.cmdline + manifest.osv_cmdline_suffix
        line = osv_command_line(command, env, f"{address}/24", GATEWAY)
    switch = lab_network.namespace_of(LAB, "switch")
    guest = qemu.Guest(f"{LAB}-{name}", folder / name, switch)
    return Machine(guest, name, address, replace(boot, command_line=line))


@contextmanager
def running(pair: tuple[Machine, Machine]) -> Iterator[None]:
    """Both guests, booted one after the other and paused, in namespaces that end with them."""
    lab_network.present(LAB, f"{GATEWAY}/24", [])
    try:
        for machine in pair:
            qemu.start(machine.guest, machine.boot)
            _await_first_answer(machine)
            qemu.set_paused(machine.guest, True)
        yield
    finally:
        for machine in pair:
            qemu.destroy(machine.guest)
        lab_network.absent(LAB)


def _await_first_answer(machine: Machine) -> None:
    def lives() -> bool:
        return qemu.running(machine.guest) is not None

    def answered_s() -> float:
        return first_answer.wait(machine.address, PORT, machine.nonce, PATIENCE_S, lives).at_s

    waiting = Worker(machine.guest.namespace, answered_s)
    waiting.start()
    waiting.result()


def load(machine: Machine, seconds: int) -> Window:
    """Load the guest while the other one is paused."""
    qemu.set_paused(machine.guest, False)
    before, began_s = _cpu_s(machine), time.monotonic()
    requests = _wrk(machine, seconds)
    taken_s, after = time.monotonic() - began_s, _cpu_s(machine)
    qemu.set_paused(machine.guest, True)
    return Window(requests, taken_s, after[0] - before[0], after[1] - before[1])


def _wrk(machine: Machine, seconds: int) -> int:
    """Requests that wrk had answered in its time, on the first CPU, in the guest's namespace."""
    command = ["ip", "netns", "exec", str(machine.guest.namespace), "taskset", "-c", "0", "wrk", "-t1"]
    command += [f"-c{CONNECTIONS}", f"-d{seconds}", f"http://{machine.address}:{PORT}/todos"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"the service did not answer right:\n{done.stdout}")
    return requests_of(done.stdout)


def requests_of(text: str) -> int:
    """The number of requests in wrk's summary. Raises ValueError where there is none."""
    found = re.search(r"(\d+) requests in ", text)
    if not found:
        raise ValueError(f"no summary of wrk: {text[-200:]}")
    return int(found.group(1))


def _cpu_s(machine: Machine) -> tuple[float, float]:
    """CPU seconds of QEMU's threads, and of the sampling thread among them (/proc/PID/task/TID/schedstat)."""
    total_ns = sampler_ns = 0
    for task in Path(f"/proc/{qemu.running(machine.guest)}/task").iterdir():
        spent_ns = int((task / "schedstat").read_text().split()[0])
        total_ns += spent_ns
        sampler_ns += spent_ns if (task / "comm").read_text().strip() == SAMPLER else 0
    return total_ns / 1e9, sampler_ns / 1e9


def report(counted: list[Window], plain: list[Window]) -> bool:
    """Print ratios and goals; whether the goals are met."""
    pairs = [(a, b) for a, b in zip(counted, plain, strict=True) if a.requests and b.requests]
    if len(pairs) < _LEAST_PAIRS:
        raise SystemExit(
            f"only {len(pairs)} of {len(counted)} pairs of windows have answers. Remedy: longer --seconds."
        )
    speeds = [(a.requests / a.cpu_s) / (b.requests / b.cpu_s) for a, b in pairs]
    walls = [(a.requests / a.seconds) / (b.requests / b.seconds) for a, b in pairs]
    sampler = sum(row.sampler_s for row in counted) / sum(row.seconds for row in counted)
    speed, low, high = mean_interval(speeds)
    print(f"requests per CPU second, counted / plain: {speed:.3f} (95 %: {low:.3f} to {high:.3f})")
    print(f"requests per second, counted / plain: {statistics.median(walls):.3f}")
    print(f"the sampling thread: {sampler * 100:.3f} % of a core")
    met = speed >= SPEED_GOAL and sampler < SAMPLER_GOAL
    verdict = "met" if met else "MISSED"
    print(f"  goals: at least {SPEED_GOAL:g}, and below {SAMPLER_GOAL:.0%} of a core: {verdict}")
    return met


def main() -> None:
    """Run as a program: exit 0 where the goals are met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.counting",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=20, help="pairs of windows")
    parser.add_argument("--seconds", type=int, default=2, help="length of a window")
    parser.add_argument("--osv-loader", type=Path, help="OSv's kernel as an ELF file, in place of Linux")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), help="where Linux's kernel and busybox are installed"
    )
    wanted = parser.parse_args()
    if why := missing_program("wrk", "wrk") or missing_program(qemu.PROGRAM, "qemu-system-x86"):
        raise SystemExit(why)
    with tempfile.TemporaryDirectory(prefix="unilab-benchmark-") as folder:
        counted, plain = machines(Path(folder), wanted.osv_loader, wanted.root)
        found: tuple[list[Window], list[Window]] = ([], [])
        with running((counted, plain)):
            for number in range(-1, wanted.rounds):
                # In turn, and in turn first: what a machine does to one window it often does to the next.
                turns = (0, 1) if number % 2 else (1, 0)
                for turn in turns:
                    window = load((counted, plain)[turn], wanted.seconds)
                    if number >= 0:  # the first windows warm the services up
                        found[turn].append(window)
        met = report(*found)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
