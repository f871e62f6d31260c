"""Required packages, in the order in which they are copied (Capstan, GetPackageDependencies)."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from pathlib import Path

from contracts.capstan.package import PACKAGE, FoundPackage, open_archive, open_folder
from contracts.errors import InputError

# What OSv and Capstan's own start need; here kernel and first files are the laboratory's.
BOOTSTRAP = "osv.bootstrap"
PACKAGES_MAX = 500
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")


def required(application: FoundPackage, packages: Path | None) -> dict[str, FoundPackage]:
    """The packages that ``application`` requires, by name, in the order in which they are copied.

    Each comes after those that it requires; a package that is required several times comes where it is copied
    last. Every package is opened once, however often it is required. Raises InputError for one that is
    missing, that has no proper name, or that requires itself, and for more than PACKAGES_MAX of them.
    """
    # Capstan copies in post-order and a later copy replaces an earlier one. Only the last copy of each
    # counts: it is the first one of the opposite walk, which meets a package before those that it requires,
    # last ones first.
    found: dict[str, FoundPackage] = {}
    walk = [(application, _backwards(application, is_application=True))]
    names = [application.package.name]
    while walk:
        wanted_by, remaining = walk[-1]
        name = next(remaining, None)
        if name is None:
            walk.pop()
            names.pop()
        elif name in names:
            circle = " -> ".join([*names, name])
            raise InputError(wanted_by.file, "require", f"forms a circle: {circle}", "remove one of them")
        elif name not in found:
            if len(found) == PACKAGES_MAX:
                problem = f"more than {PACKAGES_MAX} packages are required"
                raise InputError(wanted_by.file, "require", problem, "join some of them")
            found[name] = _find(name, wanted_by, packages)
            walk.append((found[name], _backwards(found[name])))
            names.append(name)
    return dict(reversed(found.items()))


def _backwards(package: FoundPackage, is_application: bool = False) -> Iterator[str]:
    """Names that ``package`` requires, the last one first; interpreters count for the application only."""
    implied = list(package.run.packages()) if package.run and is_application else []
    wanted = [*implied, *package.package.require]
    return (name for name in reversed(wanted) if name != BOOTSTRAP)


def _find(name: str, wanted_by: FoundPackage, packages: Path | None) -> FoundPackage:
    if not _NAME.fullmatch(name):
        raise InputError(wanted_by.file, "require", f"'{name}' names no package", "use the package's name")
    if packages is not None:
        if (packages / name / PACKAGE).is_file():
            return open_folder(packages / name / PACKAGE)
        for path in (packages / f"{name}.mpm", packages / f"{name}.mpm.{platform.machine()}"):
            if path.is_file():
                return open_archive(path)
    where = f"in {packages}" if packages is not None else "known: there is no folder of packages"
    raise InputError(
        wanted_by.file,
        "require",
        f"package '{name}' is not {where}",
        f"put its folder there as {name}, or the file that Capstan built as {name}.mpm",
    )
