"""The services' staged trees hold all that their programs need, for OSv as for Linux."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from ansible.module_utils.unilab.images.libc import OSV_BRINGS
from ansible.module_utils.unilab.images.tree import walk
from ansible.module_utils.unilab.staging import Staged, build, stage
from ansible.module_utils.unilab.staging.elf_closure import Elf, read_elf
from wire_contract import SERVICES

from contracts.manifest import load_manifest
from contracts.workload import SERVICES as SERVICE_NAMES
from contracts.workload import split_service
from filter_plugins.project.manifests import service_manifest

JAVA_MODULES = "java.base java.logging jdk.unsupported"


def of_language(language: str) -> list[str]:
    """The services of ``language``."""
    return [name for name in SERVICE_NAMES if split_service(name)[1] == language]


@pytest.fixture(scope="module", params=SERVICE_NAMES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Staged]:
    manifest = load_manifest(SERVICES / service_manifest(request.param))
    build(manifest)
    return request.param, stage(manifest, tmp_path_factory.mktemp("trees") / request.param, write=True)


def programs(tree: Path) -> Iterator[tuple[str, Elf]]:
    """The ELF files of ``tree`` that need libraries, by path."""
    for entry in walk(tree):
        elf = read_elf(entry.source) if entry.kind == "file" else None
        if elf is not None and elf.is_dynamic:
            yield entry.path, elf


def test_every_library_is_where_osv_looks(service: tuple[str, Staged]) -> None:
    name, staged = service
    found = dict(programs(staged.tree))
    assert bool(found) == (not name.endswith(".static"))
    for path, elf in found.items():
        origin = f"/{PurePosixPath(path).parent}"
        folders = [folder.replace("$ORIGIN", origin) for folder in elf.search]
        for library in set(elf.needed) - OSV_BRINGS:
            if library.startswith("ld-linux"):
                continue
            places = [staged.tree / folder.lstrip("/") / library for folder in [*folders, "/usr/lib", "/"]]
            # The JVM's own libraries need libjvm.so, which java has loaded by its path.
            loaded = library == "libjvm.so" and (staged.tree / "jre/lib/server/libjvm.so").is_file()
            assert loaded or any(place.exists() for place in places), f"{path} needs {library}"


def test_the_c_library_stays_outside(service: tuple[str, Staged]) -> None:
    name, staged = service
    names = {PurePosixPath(entry.path).name for entry in walk(staged.tree)}
    assert not names & OSV_BRINGS
    assert not any(entry.startswith("ld-linux") for entry in names)
    assert bool(staged.libc) == (not name.endswith(".static"))


@pytest.mark.parametrize("service", of_language("java"), indirect=True)
def test_java_brings_a_runtime_of_the_modules_that_it_needs(service: tuple[str, Staged]) -> None:
    _, staged = service
    release = (staged.tree / "jre/release").read_text()
    assert re.search(r'^MODULES="(.*)"$', release, flags=re.MULTILINE)[1] == JAVA_MODULES  # type: ignore[index]
    assert (staged.tree / "jre/lib/modules").is_file()
    assert not list((staged.tree / "jre").rglob("*.jsa"))


@pytest.mark.parametrize("service", of_language("python"), indirect=True)
def test_python_brings_its_library_and_the_packages_of_the_lock(service: tuple[str, Staged]) -> None:
    _, staged = service
    [library] = (staged.tree / "usr/lib").glob("python3.*")
    assert (library / "encodings/__init__.py").is_file()
    assert list((library / "lib-dynload").glob("*.so"))
    lock = (SERVICES / "common/python/requirements.lock").read_text()
    locked = {
        _plain(match[1]): match[2] for match in re.finditer(r"^([\w.-]+)==([\w.]+)", lock, flags=re.MULTILINE)
    }
    folders = (staged.tree / "app/site").glob("*.dist-info")
    brought = dict(folder.name.removesuffix(".dist-info").rsplit("-", maxsplit=1) for folder in folders)
    assert {_plain(package): version for package, version in brought.items()} == locked


def _plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()
