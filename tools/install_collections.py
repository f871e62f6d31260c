"""Install the collections of requirements.yml: from Galaxy, or out of PyPI's community bundle.

    python tools/install_collections.py requirements.yml .collections

The bundle is a 54 MB download that unpacks to 547 MB; only the wanted folders are taken out of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

GALAXY_TIMEOUT_S = 120


def main(requirements: Path, target: Path) -> int:
    """Install into ``target``; return the exit code."""
    wanted = {row["name"]: row["version"] for row in yaml.safe_load(requirements.read_text())["collections"]}
    if all(_installed(target, name) == version for name, version in wanted.items()):
        return 0
    if _from_galaxy(requirements, target):
        print("Collections: installed from Galaxy")
        return 0
    print("Collections: Galaxy does not answer; taking them out of the community bundle on PyPI")
    with tempfile.TemporaryDirectory() as folder:
        _from_bundle(requirements.parent / "requirements" / "collections.txt", Path(folder), target, wanted)
    for name, version in wanted.items():
        found = _installed(target, name)
        if found != version:
            print(f"{requirements}: {name} {version} is not in the bundle (found {found}).", file=sys.stderr)
            return 1
    return 0


def _installed(target: Path, name: str) -> str | None:
    manifest = target / "ansible_collections" / name.replace(".", "/") / "MANIFEST.json"
    try:
        version: str = json.loads(manifest.read_text())["collection_info"]["version"]
    except OSError:
        return None
    return version


def _from_galaxy(requirements: Path, target: Path) -> bool:
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    command = [str(galaxy), "collection", "install", "-r", str(requirements), "-p", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=GALAXY_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _from_bundle(lock: Path, folder: Path, target: Path, wanted: dict[str, str]) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", lock, "-d", folder], check=True)
    prefixes = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in wanted)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as bundle:
        for prefix in prefixes:
            shutil.rmtree(target / prefix, ignore_errors=True)
        bundle.extractall(target, [name for name in bundle.namelist() if name.startswith(prefixes)])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
