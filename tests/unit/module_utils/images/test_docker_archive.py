from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from ansible.module_utils.unilab.images.build_cache import recipe_sha256
from ansible.module_utils.unilab.images.docker_archive import Image, read_image_id, write_archive
from ansible.module_utils.unilab.images.libc import LibcFile
from trees import staged

NAME = "unilab/todos-go:0123456789ab"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    (tmp_path / "service/site").mkdir(parents=True)
    (tmp_path / "service/site/link").symlink_to("../server")
    done = staged(tmp_path, {"/app/server": "server", "/app/site": "site", "/jre/release": "server"})
    libc = LibcFile.at("/usr/lib/libc.so.6", done.tree / "etc/hosts")
    return Image(NAME, done.tree, [libc], "/app/server  -v", {"B": "2", "A": "1"})


def _write(image: Image, path: Path) -> dict[str, bytes]:
    write_archive(image, recipe_sha256(image.recipe()), path)
    with tarfile.open(path) as archive:
        return {member.name: _content(archive, member) for member in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    assert stream is not None
    return stream.read()


def test_the_archive_is_what_docker_load_reads(image: Image, tmp_path: Path) -> None:
    files = _write(image, tmp_path / "image.tar")
    [manifest] = json.loads(files["manifest.json"])
    assert manifest["RepoTags"] == [NAME]
    config_bytes = files[manifest["Config"]]
    assert manifest["Config"] == hashlib.sha256(config_bytes).hexdigest() + ".json"
    assert read_image_id(tmp_path / "image.tar") == "sha256:" + hashlib.sha256(config_bytes).hexdigest()
    config = json.loads(config_bytes)
    digests = [f"sha256:{hashlib.sha256(files[layer]).hexdigest()}" for layer in manifest["Layers"]]
    assert config["rootfs"] == {"type": "layers", "diff_ids": digests}
    assert len(config["history"]) == len(digests)
    assert config["config"]["Entrypoint"] == ["/app/server", "-v"]
    assert config["config"]["Env"] == ["A=1", "B=2"]
    assert config["config"]["ExposedPorts"] == {"8080/tcp": {}}
    assert config["config"]["WorkingDir"] == "/"
    assert config["config"]["Labels"]["unilab.artifact"] == (
        (image.tree / "etc/unilab/artifact").read_text().strip()
    )


def test_layers_hold_each_entry_once_roots_and_timeless(image: Image, tmp_path: Path) -> None:
    files = _write(image, tmp_path / "image.tar")
    [manifest] = json.loads(files["manifest.json"])
    names: list[list[str]] = []
    for layer in manifest["Layers"]:
        with tarfile.open(fileobj=io.BytesIO(files[layer])) as archive:
            members = archive.getmembers()
        assert {(m.uid, m.gid, m.mtime, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
        names.append([member.name for member in members])
    lower, upper = names
    wanted = [str(path.relative_to(image.tree)) for path in image.tree.rglob("*")]
    assert sorted(lower + upper) == sorted([*wanted, "usr", "usr/lib", "usr/lib/libc.so.6"])
    assert {name.split("/")[0] for name in upper} == {"app", "etc"}
    assert "jre/release" in lower
    assert "etc/unilab/artifact" in upper


def test_two_services_share_the_lower_layer(image: Image, tmp_path: Path) -> None:
    first = _write(image, tmp_path / "a.tar")
    (image.tree / "app/server").write_text("another service")
    second = _write(image, tmp_path / "b.tar")
    layers = [json.loads(files["manifest.json"])[0]["Layers"] for files in (first, second)]
    assert layers[0][0] == layers[1][0]
    assert layers[0][1] != layers[1][1]


def test_the_same_tree_gives_the_same_bytes(image: Image, tmp_path: Path) -> None:
    _write(image, tmp_path / "a.tar")
    (image.tree / "app/server").touch()
    _write(image, tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
