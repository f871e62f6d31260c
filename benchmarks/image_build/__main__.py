"""A tree to a raw OSv disk, beside what one would use otherwise, alternating in one run; then its memory.

    python -m benchmarks.image_build                # 50 MB, five rounds; then up to 2 GB, and 200,000 files
    python -m benchmarks.image_build --no-memory    # the first part only

Every image is made by a process of its own, whose CPU seconds, the kernel's included, are counted from
its start: ours pays for Python and its imports. Ours also hashes each file and the disk, and holds the
tree against the hash that it was staged with, which the others do not. Goals: 50 MB in 1 s of CPU; below
64 MB of memory more than before, up to 2 GB of files.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TREE_BYTES = 50_000_000
CPU_GOAL_S, MEMORY_GOAL_MB = 1.0, 64.0
SEED = 20260105
OURS = "ours"


@dataclass(frozen=True)
class Cost:
    """CPU and wall seconds of a process; of ours also CPU and growth of memory since it had its imports."""

    cpu_s: float
    wall_s: float
    work_cpu_s: float = 0.0
    growth_mb: float = 0.0


def rivals(tree: Path, image: Path) -> dict[str, Sequence[str]]:
    """Command lines of what makes a file system of a folder without mounting it."""
    size_kib = (tree_bytes(tree) * 5 // 4 >> 10) + (32 << 10)
    squash = ("-noappend", "-quiet", "-no-progress", "-processors", "1")
    return {
        "mkfs.ext4 -d": ("mkfs.ext4", "-q", "-F", "-d", str(tree), str(image), f"{size_kib}k"),
        "mksquashfs, unpacked": (
            *("mksquashfs", str(tree), str(image), *squash),
            *("-noI", "-noD", "-noF", "-noX"),
        ),
        "mksquashfs, gzip": ("mksquashfs", str(tree), str(image), *squash),
        "genisoimage": ("genisoimage", "-quiet", "-R", "-o", str(image), str(tree)),
        "xorrisofs": ("xorrisofs", "-quiet", "-R", "-o", str(image), str(tree)),
    }


PACKAGES = {
    "mkfs.ext4": "e2fsprogs",
    "mksquashfs": "squashfs-tools",
    "genisoimage": "genisoimage",
    "xorrisofs": "xorriso",
}


def ours(tree: Path, image: Path) -> list[str]:
    """The command line of this program that makes one disk and reports its memory."""
    return [sys.executable, str(Path(__file__).resolve()), "--make", str(tree), str(image)]


def compare(folder: Path, rounds: int) -> bool:
    """Make the disk by each program in turn; print medians and ratios; whether the goals are met."""
    # Here, because the measured process imports this file too, and runs it by its path.
    from benchmarks.comparisons import missing_program, not_run

    tree, image = folder / "tree", folder / "image"
    make_tree(tree, service_files(TREE_BYTES))
    commands: dict[str, Sequence[str]] = {OURS: ours(tree, image)}
    for name, command in rivals(tree, image).items():
        if why := missing_program(command[0], PACKAGES[command[0]]):
            print(not_run(name, why))
        else:
            commands[name] = command
    print(f"{tree_bytes(tree) / 1e6:.0f} MB in {count_files(tree)} files, {rounds} rounds, medians:")
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            image.unlink(missing_ok=True)
            costs[name].append(cost_of(command))
    cpu_s = {name: statistics.median(cost.cpu_s for cost in found) for name, found in costs.items()}
    for name, found in costs.items():
        wall_s = statistics.median(cost.wall_s for cost in found)
        print(
            f"  {name:<21} {cpu_s[name]:6.3f} s CPU ({min(c.cpu_s for c in found):.3f} to "
            f"{max(c.cpu_s for c in found):.3f})  {wall_s:6.2f} s wall"
            f"   {cpu_s[name] / cpu_s[OURS]:5.2f} x ours"
        )
    work_cpu_s = statistics.median(cost.work_cpu_s for cost in costs[OURS])
    growth_mb = statistics.median(cost.growth_mb for cost in costs[OURS])
    print(f"  {OURS} once Python and imports are there: {work_cpu_s:.3f} s CPU, {growth_mb:.1f} MB more")
    return goal(f"{TREE_BYTES / 1e6:.0f} MB to a disk, CPU s", cpu_s[OURS], CPU_GOAL_S)


def memory(folder: Path) -> bool:
    """Make disks of larger trees; print how memory grew; whether the goal is met."""
    met = True
    print("memory that the work added, and what the disk takes:")
    for what, files in large_trees():
        tree, image = folder / "tree", folder / "image"
        for path in (tree, image):
            remove(path)
        make_tree(tree, files)
        cost = cost_of(ours(tree, image))
        print(
            f"  {what:<22} {cost.growth_mb:5.1f} MB  {cost.cpu_s:6.2f} s CPU  {cost.wall_s:6.2f} s wall"
            f"   {image.stat().st_size / 1e6:6.0f} MB, {image.stat().st_blocks * 512 / 1e6:.0f} MB stored"
        )
        met &= goal(what, cost.growth_mb, MEMORY_GOAL_MB)
        remove(tree)
    return met


def large_trees() -> Iterator[tuple[str, Iterator[tuple[str, int]]]]:
    """Name and files of each; the last is a hole but for its first byte."""
    yield "200 MB, as a service", service_files(200_000_000)
    yield "2 GB in 20 files", ((f"data/{number}", 100_000_000) for number in range(20))
    yield "200,000 files of 1 kB", ((f"d{number // 500}/f{number}", 1000) for number in range(200_000))
    yield "a sparse file of 4 GB", iter([("sparse", -(4 << 30))])


def service_files(total_bytes: int) -> Iterator[tuple[str, int]]:
    """Paths and sizes as of a program with its libraries: few large files, many small ones."""
    chance = random.Random(SEED)
    made = number = 0
    while made < total_bytes:
        size = min(int(chance.lognormvariate(9.5, 2.0)), 12_000_000, total_bytes - made)
        yield f"usr/lib/p{number // 40}/module_{number}.so", size
        made, number = made + size, number + 1


def make_tree(tree: Path, files: Iterator[tuple[str, int]]) -> None:
    """Files of noise, and the hash that staging would leave; a size below 0 is a hole."""
    use_module_utils()
    from ansible.module_utils.unilab.images.tree import ARTIFACT, listing, listing_sha256

    chance = random.Random(SEED)
    (tree / ARTIFACT).parent.mkdir(parents=True)
    for name, size in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        with (tree / name).open("wb") as stream:
            if size < 0:
                stream.write(b"x")
                stream.truncate(-size)
            for start in range(0, size, 1 << 20):
                stream.write(chance.randbytes(min(1 << 20, size - start)))
    (tree / ARTIFACT).write_text(listing_sha256(listing(tree)), encoding="ascii")


def make(tree: Path, image: Path) -> None:
    """Make a disk as the module capstan_image does, and print what that cost this process."""
    use_module_utils()
    from ansible.module_utils.unilab.images.build_cache import make_once
    from ansible.module_utils.unilab.images.osv.disk import Disk, recipe, write_disk

    began_s, before_mb = time.process_time(), memory_of_this_process("VmRSS")
    disk = Disk(tree, "kernel", tree)
    made = make_once(image, recipe(disk, ""), lambda path: write_disk(disk, path), check_mode=False)
    assert made.changed
    image.with_name(image.name + ".json").unlink()
    growth_mb = memory_of_this_process("VmHWM") - before_mb
    print(json.dumps({"work_cpu_s": time.process_time() - began_s, "growth_mb": growth_mb}))


def memory_of_this_process(field: str) -> float:
    """A field of proc(5)'s /proc/PID/status, which is in KiB, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field))


def cost_of(command: Sequence[str]) -> Cost:
    """Run ``command`` and return what it cost."""
    began_s = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=PROJECT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {text[-2000:]}")
    reported = json.loads(text) if "--make" in command else {}
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - began_s, **reported)


def goal(what: str, measured: float, most: float) -> bool:
    """Print whether a goal is met."""
    met = measured < most
    print(f"  {what}: {measured:.3g}, goal below {most:g}: {'met' if met else 'MISSED'}")
    return met


def tree_bytes(tree: Path) -> int:
    """The size of all files."""
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


def count_files(tree: Path) -> int:
    """How many files there are."""
    return sum(path.is_file() for path in tree.rglob("*"))


def remove(path: Path) -> None:
    """Remove a file or a tree that may be there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def use_module_utils() -> None:
    """Make ``ansible.module_utils.unilab`` importable, as Ansible does for modules."""
    import ansible.module_utils

    sys.path.insert(0, str(PROJECT))
    ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))


def main() -> None:
    """Run as a program: exit 0 where the goals are met."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.image_build",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each program runs")
    parser.add_argument("--no-memory", action="store_true", help="omit the large trees")
    parser.add_argument("--folder", type=Path, help="where to put trees (default: a temporary folder)")
    parser.add_argument("--make", type=Path, nargs=2, metavar=("TREE", "IMAGE"), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.make:
        make(*wanted.make)
        return
    with tempfile.TemporaryDirectory(prefix="unilab-benchmark-", dir=wanted.folder) as folder:
        met = compare(Path(folder), wanted.rounds)
        met &= wanted.no_memory or memory(Path(folder))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
