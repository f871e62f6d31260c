"""The libc set: what OSv is, and what a Linux kernel needs to be given beside the same tree.

OSv's kernel is the C library, the C++ library and the dynamic linker of its program. A container
and a Linux guest need these files; they are the only ones in which the runtimes' trees differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.images.tree import Entry, entry_of, walk

from contracts.errors import InputError

# What OSv loads no file for: supplied_modules in its core/elf.cc, the same in 0.57.0 and in 2026.
# libstdc++ is one only where the kernel exports its symbols; the "hidden" loaders of a release do not.
# Not libutil.so.1, of which it has the name without a version only.
GLIBC = frozenset(
    {"libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2", "librt.so.1"},
)
OSV_BRINGS = GLIBC | {
    "libaio.so.1",
    "libc.musl-x86_64.so.1",
    "libcrypt.so.1",
    "libstdc++.so.6",
    "libxenstore.so.3.0",
}
LOADER_PREFIXES = ("ld-linux", "ld-musl")

# Debian's and Ubuntu's ld.so search /lib and /usr/lib last, OSv's linker searches /usr/lib.
LIBRARY_FOLDER = "usr/lib"


@dataclass(frozen=True)
class LibcFile:
    """A file of the libc set: absolute path in the guest, path and hash on this machine."""

    guest: str
    host: str
    sha256: str

    @classmethod
    def at(cls, guest: str, host: Path) -> LibcFile:
        """The file ``host`` as it is now."""
        return cls(guest, str(host), sha256_of(host))

    def as_dict(self) -> dict[str, str]:
        """As modules return it."""
        return asdict(self)


def libc_files(rows: list[Mapping[str, str]]) -> list[LibcFile]:
    """``rows`` as staged_tree returned them. Raises InputError where a file changed since."""
    files = [LibcFile(row["guest"], row["host"], row["sha256"]) for row in rows]
    for file in files:
        path = Path(file.host)
        if not path.is_file() or sha256_of(path) != file.sha256:
            raise InputError(
                path, "", "changed or gone since the tree was staged", "run the role service_tree again"
            )
    return files


def root_entries(tree: Path, libc: list[LibcFile]) -> list[Entry]:
    """Every entry of a root file system made of ``tree`` and ``libc``, sorted.

    Raises InputError where the tree already holds a path that the libc set needs.
    """
    entries = {entry.path: entry for entry in walk(tree)}
    for file in libc:
        path = file.guest.lstrip("/")
        folders = _folders(path)
        for taken in [path, *(folder for folder in folders if _is_other(entries.get(folder)))]:
            if taken in entries:
                raise InputError(tree, "", f"/{taken} stands where the libc set goes", "omit it of 'files'")
        for folder in folders:
            entries.setdefault(folder, Entry(folder, "directory", 0o755, 0, tree))
        entries[path] = entry_of(Path(file.host), path)
    return sorted(entries.values(), key=lambda entry: entry.key)


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]


def _is_other(entry: Entry | None) -> bool:
    return entry is not None and entry.kind != "directory"
