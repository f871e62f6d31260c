"""A manifest: what one service consists of and how it is run, from either of Capstan's two forms.

``Capstanfile`` is one file (see capstanfile.py); ``meta/package.yaml`` with ``meta/run.yaml`` describes
the folder around it and may require packages (see package.py, run.py). The rest of the code sees a
``Manifest``: layers of files, and one command with its environment for every runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from contracts.capstan.boot_command import (
    BootCommand,
    boot_command,
    checked_env,
    script_variables,
    stays_as_written,
)
from contracts.capstan.capstanfile import Capstanfile, host_paths
from contracts.capstan.ignore import ignored
from contracts.capstan.image import of_image
from contracts.capstan.model import Layer, Manifest, PackageArchive, PackageFolder, Script
from contracts.capstan.package import PACKAGE, FoundPackage, open_folder
from contracts.capstan.requirements import BOOTSTRAP, required
from contracts.capstan.run import Run, resolve
from contracts.capstan.text import read_manifest
from contracts.errors import InputError, validate

CAPSTANFILE = "Capstanfile"


def load_manifest(path: Path, packages: Path | None = None) -> Manifest:
    """Read and check the manifest ``path``: a file of either form, or the folder that holds one.

    ``packages`` is the folder of the packages that it may require. Host files of a Capstanfile are checked
    when they are staged. Raises InputError.
    """
    file = _located(path) if path.is_dir() else path
    if file.name == Path(PACKAGE).name:
        return _of_package(open_folder(file), packages)
    return _of_capstanfile(file)


def host_path(manifest_path: Path, guest: str, host: str) -> Path:
    """The file or directory that ``files`` puts at ``guest``; ``&`` stands for the guest's base name.

    Raises InputError when it is outside the manifest's folder or does not exist.
    """
    folder = manifest_path.parent.resolve()
    path = (folder / host.replace("&", PurePosixPath(guest).name)).resolve()
    if not path.is_relative_to(folder):
        raise InputError(
            manifest_path,
            f"files.{guest}",
            f"'{host}' leaves the service's folder",
            "copy it in by 'build', or name a shared library of this machine under 'libraries'",
        )
    if not path.exists():
        raise InputError(
            manifest_path,
            f"files.{guest}",
            f"'{host}' does not exist",
            "run the manifest's build command, or correct the path",
        )
    return path


def _located(folder: Path) -> Path:
    found = [path for path in (folder / CAPSTANFILE, folder / PACKAGE) if path.is_file()]
    if len(found) > 1:
        problem = f"holds both {CAPSTANFILE} and {PACKAGE}"
        raise InputError(folder, "", problem, "name one of the two files, or keep one")
    if not found:
        problem = f"holds neither {CAPSTANFILE} nor {PACKAGE}"
        raise InputError(folder, "", problem, "write one of them; docs/formats.md has both forms")
    return found[0]


def _of_capstanfile(path: Path) -> Manifest:
    remedy = "compare with services/todos/go/Capstanfile; docs/formats.md lists every key"
    read = validate(Capstanfile, read_manifest(path, "manifest"), path, remedy)
    if read.image:
        return of_image(path, read)
    if not read.cmdline:
        raise InputError(path, "cmdline", "missing or empty: nothing to run", remedy)
    env = checked_env(path, "env", read.env)
    sources = host_paths(read)
    command = boot_command(path, "cmdline", read.cmdline, env, {source.guest for source in sources})
    notices = [stays_as_written("env", name, value) for name, value in env.items() if "$" in value]
    return Manifest(
        path=path,
        folder=path.parent,
        build=read.build,
        layers=(Layer("the manifest", tuple(sources)),),
        cmdline=command.cmdline,
        env=env | command.env,
        osv_cmdline_suffix=read.osv_cmdline_suffix or command.osv_suffix,
        libraries=tuple(read.libraries),
        notices=(*_base_notices(read), *notices, *command.notices),
    )


def _base_notices(read: Capstanfile) -> list[str]:
    notices = []
    if read.base:
        notices.append(
            f"base: '{read.base}' is not read: the kernel is the laboratory's. "
            "Remedy: put the program under 'files', 'rootfs' or into a package"
        )
    if read.rpm_base:
        rpm = read.rpm_base if isinstance(read.rpm_base, str) else read.rpm_base.get("name", "")
        notices.append(f"rpm-base: '{rpm}' is not installed. Remedy: put its files under 'files' or 'rootfs'")
    return notices


def _of_package(application: FoundPackage, packages: Path | None) -> Manifest:
    before = required(application, packages)
    found = {**before, application.package.name: application}
    runs = {name: one.run for name, one in found.items() if one.run}
    command, env = _default_command(application, runs)
    own = PackageFolder("the application", application.path, ignored(application.path))
    layers = [Layer(f"package {name}", (_source(name, one),)) for name, one in before.items()]
    return Manifest(
        path=application.file,
        folder=application.path,
        build=application.package.build,
        layers=(*layers, Layer("the application", (own,)), Layer("config sets", _scripts(runs))),
        cmdline=command.cmdline,
        env=env,
        osv_cmdline_suffix=command.osv_suffix,
        libraries=tuple(name for one in found.values() for name in one.package.libraries),
        notices=(*application.notices, *_package_notices(found), *command.notices),
    )


def _default_command(
    application: FoundPackage, runs: Mapping[str, Run]
) -> tuple[BootCommand, dict[str, str]]:
    """The command and environment of the set that runs where the user names none."""
    package, name = _default_set(application, runs)
    found = resolve(package, name, runs)
    file, key = runs[package].file, f"config_set.{name}"
    variables, notices = script_variables(f"{key}.env", found.variables)
    env = {
        variable: variables[variable]
        for variable in variables
        if variable in found.env_names
        # Arguments of a runtime's set may be several words, which only its command can carry.
        and not (variable in found.parameter_names and len(variables[variable].split()) > 1)
    }
    env = checked_env(file, f"{key}.env", env)
    command = boot_command(file, f"{key}.bootcmd", found.command, variables, is_script=True)
    return replace(command, notices=(*notices, *command.notices)), env | command.env


def _default_set(application: FoundPackage, runs: Mapping[str, Run]) -> tuple[str, str]:
    """Package and set: the application's default or only one, else the last package's ``default``."""
    name = application.package.name
    if name in runs and runs[name].default:
        return name, runs[name].default
    having = [package for package, run in runs.items() if "default" in run.sets]
    if having:
        return having[-1], "default"
    if name in runs:
        problem = f"there are {len(runs[name].sets)} config sets, and none is the default"
        known = ", ".join(runs[name].sets)
        raise InputError(runs[name].file, "config_set_default", problem, f"name one of {known}")
    problem = "nothing to run: no meta/run.yaml, and no config set 'default' of a required package"
    raise InputError(application.file, "", problem, "write meta/run.yaml; docs/formats.md describes it")


def _source(name: str, found: FoundPackage) -> PackageFolder | PackageArchive:
    if found.path.is_dir():
        return PackageFolder(f"package {name}", found.path, ignored(found.path))
    return PackageArchive(f"package {name}", found.path)


def _scripts(runs: Mapping[str, Run]) -> tuple[Script, ...]:
    """``/run/SET`` of every package, as Capstan writes them; the last package's where names are the same."""
    scripts = {
        name: Script(f"config_set.{name}", f"/run/{name}", resolve(package, name, runs).script)
        for package, run in runs.items()
        for name in run.sets
    }
    return tuple(scripts[name] for name in sorted(scripts))


def _package_notices(found: Mapping[str, FoundPackage]) -> list[str]:
    why = "the kernel is the laboratory's. Remedy: remove it"
    notices = []
    for name, one in found.items():
        if BOOTSTRAP in one.package.require:
            notices.append(f"require: {BOOTSTRAP} of {name} is not copied: {why}")
        if one.package.binary:
            notices.append(f"binary: of {name} is not read: {why}")
    return notices
