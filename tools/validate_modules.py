"""Run validate-modules of ansible-test on ``library/``, without a network.

``ansible-test`` itself needs a collection's folders and installs its requirements from PyPI. This program
copies the modules into such folders and runs the same checker with the packages of the virtual environment.
Usage: ``python tools/validate_modules.py [LIBRARY]``; exit code 1 where a module has a fault.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import ansible_test
from ansible.release import __version__ as ansible_version

PROJECT = Path(__file__).resolve().parent.parent
CHECKER = Path(ansible_test.__path__[0]) / "_util/controller/sanity/validate-modules"
COLLECTION = "ansible_collections/unilab/unilab"

# What the checker prints: path of a module to its `errors`, each with `code` and `msg`.
Found = dict[str, dict[str, list[dict[str, str | int]]]]

# The project's licence is Apache-2.0, and the checker accepts the GPL only.
IGNORED_CODES = {"missing-gplv3-license"}


def main() -> None:
    """Check every module; print one line for each fault."""
    library = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "library"
    with tempfile.TemporaryDirectory(prefix="unilab-validate-") as folder:
        collection = Path(folder) / COLLECTION
        _copy(library, collection)
        faults = _faults(_checked(Path(folder), collection))
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    modules = len(list(library.rglob("*.py")))
    print(f"validate-modules of ansible-core {ansible_version}: {modules} modules, no fault")


def _copy(library: Path, collection: Path) -> None:
    plugins = collection / "plugins"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(library, plugins / "modules", ignore=ignored)
    shutil.copytree(PROJECT / "module_utils", plugins / "module_utils", ignore=ignored)
    shutil.copytree(PROJECT / "module_utils/doc_fragments", plugins / "doc_fragments", ignore=ignored)
    collection_name = f"{COLLECTION.replace('/', '.')}.plugins.module_utils.unilab"
    for path in plugins.rglob("*.py"):
        path.write_text(path.read_text().replace("ansible.module_utils.unilab", collection_name))
    (collection / "meta").mkdir()
    (collection / "meta/runtime.yml").write_text('requires_ansible: ">=2.19"\n')


def _checked(folder: Path, collection: Path) -> Found:
    paths = [path.relative_to(collection) for path in sorted((collection / "plugins/modules").rglob("*.py"))]
    layout = ["--collection", COLLECTION, "--collection-version", version("unilab")]
    done = subprocess.run(
        [sys.executable, CHECKER / "validate.py", "--format", "json", "--arg-spec", *layout, *paths],
        cwd=collection,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "ANSIBLE_DOC_FRAGMENT_PLUGINS": str(collection / "plugins/doc_fragments"),
            "PYTHONPATH": os.pathsep.join([str(CHECKER), str(PROJECT)]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    # 3: the checker has found faults. With any other code it has not done its work.
    if done.returncode not in (0, 3) or not done.stdout.strip():
        sys.exit(f"validate-modules ended with {done.returncode}: {done.stderr}{done.stdout}")
    found: Found = json.loads(done.stdout)
    return found


def _faults(found: Found) -> list[str]:
    return [
        f"library/{Path(path).relative_to('plugins/modules')}: {error['code']}: {error['msg']}"
        for path, result in sorted(found.items())
        for error in result["errors"]
        if error["code"] not in IGNORED_CODES
    ]


if __name__ == "__main__":
    main()
