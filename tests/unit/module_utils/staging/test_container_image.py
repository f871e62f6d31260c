"""From a container image to a tree: what is taken, what is omitted by name, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
import re
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from ansible.module_utils.unilab.staging import Staged, container_image, is_built, stage
from containers import Layout, config, docker, hard_link, layer, oci, sha256, special, symlink
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from contracts.images.bounded_tar import Bounds
from contracts.manifest import load_manifest

PROGRAM = {"app/server": "program"}


def staged(folder: Path, **keys: object) -> Staged:
    """The staged tree of a manifest with ``from: image.tar``."""
    service = folder / "service"
    service.mkdir(exist_ok=True)
    (service / "Capstanfile").write_text(json.dumps({"from": "image.tar"} | keys))
    return stage(load_manifest(service), folder / "tree", write=True)


def image(folder: Path, layers: Sequence[object], **run: object) -> Path:
    """An image at the place that ``staged`` reads; each layer is its members."""
    made = [layer(one) for one in layers]  # type: ignore[arg-type]
    return oci(folder / "service/image.tar", made, **run)


def files(done: Staged) -> dict[str, str]:
    """What the tree holds below /app, /opt and /srv: content, or -> and the target of a symlink."""
    found = {}
    for top in ("app", "opt", "srv"):
        for path in sorted((done.tree / top).rglob("*")):
            name = str(path.relative_to(done.tree))
            if path.is_symlink():
                found[name] = f"-> {path.readlink()}"
            elif path.is_file():
                found[name] = path.read_text()
    return found


@pytest.mark.parametrize("compression", ["", "+gzip", "+zstd"])
def test_layers_of_an_oci_archive_are_applied_in_order(tmp_path: Path, compression: str) -> None:
    layers = [layer({**PROGRAM, "app/a": "1", "app/b": "1"}), layer({"app/b": "2", "app/c/d": "2"})]
    oci(tmp_path / "service/image.tar", layers, compression)
    done = staged(tmp_path)
    assert files(done) == {"app/a": "1", "app/b": "2", "app/c/d": "2", "app/server": "program"}
    assert done.manifest.cmdline == "/app/server"
    assert done.notices == ()
    assert not staged(tmp_path).changed


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_layers_of_a_docker_archive_are_applied_in_order(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    one, two = layer({**PROGRAM, "app/a": "1"}), layer({"app/a": "2"})
    path = docker(tmp_path / "service/image.tar", [one, two, one])
    path.write_bytes(compress(path.read_bytes()))
    assert files(staged(tmp_path)) == {"app/a": "1", "app/server": "program"}


def test_same_files_give_the_same_hash_as_without_an_image(tmp_path: Path) -> None:
    image(tmp_path, [PROGRAM])
    from_image = staged(tmp_path).artifact_sha256
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "server").write_text("program")
    (plain / "server").chmod(0o755)
    (plain / "Capstanfile").write_text("cmdline: /app/server\nfiles: {/app/server: server}\n")
    assert stage(load_manifest(plain), tmp_path / "other", write=True).artifact_sha256 == from_image


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([("app/.wh.a", "")], {"app/d/e": "1", "app/d/f": "1"}),
        ([("app/.wh.d", "")], {"app/a": "1"}),
        ([("app/.wh.none", "")], {"app/a": "1", "app/d/e": "1", "app/d/f": "1"}),
        ([("app/d/.wh..wh..opq", ""), ("app/d/g", "2")], {"app/a": "1", "app/d/g": "2"}),
        # A whiteout concerns earlier layers only, wherever it stands in its own.
        ([("app/d/g", "2"), ("app/d/.wh..wh..opq", "")], {"app/a": "1", "app/d/g": "2"}),
        ([("app/d/e", "2"), ("app/.wh.d", "")], {"app/a": "1", "app/d/e": "2"}),
        ([("app/.wh.d", ""), ("app/d", "2")], {"app/a": "1", "app/d": "2"}),
        ([("app/.wh..wh.plnk", "")], {"app/a": "1", "app/d/e": "1", "app/d/f": "1"}),
        # A file takes the place of a folder, and the other way round.
        ([("app/d", "2")], {"app/a": "1", "app/d": "2"}),
        ([("app/a/", ""), ("app/a/b", "2")], {"app/a/b": "2", "app/d/e": "1", "app/d/f": "1"}),
        ([("app/d/", "")], {"app/a": "1", "app/d/e": "1", "app/d/f": "1"}),
        ([("app/a", symlink("d/e"))], {"app/a": "-> d/e", "app/d/e": "1", "app/d/f": "1"}),
        # A hard link may name a file of an earlier layer.
        ([("app/z", hard_link("app/a"))], {"app/a": "1", "app/d/e": "1", "app/d/f": "1", "app/z": "1"}),
    ],
)
def test_whiteouts_and_replacements(
    tmp_path: Path, second: list[tuple[str, object]], expected: dict[str, str]
) -> None:
    first = {**PROGRAM, "app/a": "1", "app/d/e": "1", "app/d/f": "1"}
    image(tmp_path, [first, second])
    assert files(staged(tmp_path)) == expected | {"app/server": "program"}


def test_folders_behind_links_are_followed_within_the_image(tmp_path: Path) -> None:
    """As in Debian, whose /lib is a link to usr/lib; later layers still write to /lib."""
    first = [
        ("opt/real/", ""),
        ("srv/link", symlink("/opt/real")),
        ("app/server", "program"),
        ("lib", symlink("usr/lib")),
    ]
    second = [("srv/link/a", "2"), ("lib/b", "2")]
    image(tmp_path, [[*first, ("usr/lib/c", "1")], second])
    done = staged(tmp_path)
    assert files(done) == {"app/server": "program", "opt/real/a": "2", "srv/link": "-> /opt/real"}
    assert (done.tree / "usr/lib/b").read_text() == "2"


def test_configuration_gives_command_environment_and_ports(tmp_path: Path) -> None:
    image(
        tmp_path,
        [{"usr/local/bin/serve": "program"}],
        Entrypoint=["serve", "-p"],
        Cmd=["8080"],
        Env=["PATH=/bin:/usr/local/bin", "MODE=0755", "TEXT=two words", "EMPTY="],
        WorkingDir="/srv",
        User="1000:1000",
        ExposedPorts={"8080/tcp": {}, "53/udp": {}, "80": {}},
    )
    done = staged(tmp_path, env={"MODE": "1.10"})
    assert done.manifest.cmdline == "/usr/local/bin/serve -p 8080"
    assert done.manifest.env == {"PATH": "/bin:/usr/local/bin", "MODE": "1.10", "EMPTY": ""}
    assert done.manifest.ports == (80, 8080)
    reported = " ".join(done.notices)
    for part in ("working directory /srv", "user 1000:1000", "variable TEXT is omitted"):
        assert part in reported
    assert all(notice.startswith("from: ") and "Remedy: " in notice for notice in done.notices)


def test_relative_program_begins_in_the_working_directory(tmp_path: Path) -> None:
    image(tmp_path, [{"srv/bin/a": "program"}], Entrypoint=["./bin/a"], WorkingDir="/srv")
    assert staged(tmp_path).manifest.cmdline == "/srv/bin/a"


def test_manifest_replaces_command_and_adds_files(tmp_path: Path) -> None:
    image(tmp_path, [{**PROGRAM, "app/conf": "image"}], Entrypoint=None, Cmd=["/bin/sh", "-c", "a; b"])
    (tmp_path / "service/own").write_text("own")
    done = staged(tmp_path, cmdline="--env=A=1 /app/server $A", files={"/app/conf": "own"})
    assert (done.manifest.cmdline, done.manifest.env) == ("/app/server 1", {"A": "1"})
    assert files(done) == {"app/conf": "own", "app/server": "program"}


def test_what_a_tree_cannot_have_is_left_out_by_name(tmp_path: Path) -> None:
    members = {
        **PROGRAM,
        "dev/null": special(tarfile.CHRTYPE),
        "app/pipe": special(tarfile.FIFOTYPE),
        "tmp/cache": "x",
        "etc/hosts": "image",
        "etc/dangling": symlink("/none"),
        "app/script": "x",
    }
    image(tmp_path, [members])
    done = staged(tmp_path)
    reported = "\n".join(done.notices)
    assert files(done) == {"app/script": "x", "app/server": "program"}
    for part in (
        "device nodes and pipes are not copied: /dev/null, /app/pipe",
        "/tmp/cache",
        "/etc/hosts is not copied: the laboratory writes it",
        "symlinks are not copied: /etc/dangling",
    ):
        assert part in reported
    assert "localhost" in (done.tree / "etc/hosts").read_text()


def test_setuid_files_are_named(tmp_path: Path) -> None:
    oci(tmp_path / "service/image.tar", [layer(PROGRAM), layer({"app/su": "x"}, mode=0o4755)])
    done = staged(tmp_path)
    [notice] = done.notices
    assert "setuid and setgid files become ordinary ones: /app/su" in notice
    assert (done.tree / "app/su").stat().st_mode & 0o7777 == 0o755


def test_image_needs_nothing_that_a_build_makes(tmp_path: Path) -> None:
    image(tmp_path, [PROGRAM])
    for files_of_manifest, built in (({}, True), ({"/app/made": "made"}, False)):
        content = {"from": "image.tar", "build": "touch made", "files": files_of_manifest}
        (tmp_path / "service/Capstanfile").write_text(json.dumps(content))
        assert is_built(load_manifest(tmp_path / "service")) == built


def test_script_as_entry_point_gives_a_notice(tmp_path: Path) -> None:
    image(tmp_path, [{"app/server": "#!/bin/sh\n"}])
    [notice] = staged(tmp_path).notices
    assert "/app/server is a script, which OSv does not start. Remedy: write the program" in notice


HOSTILE: dict[str, tuple[list[object], str]] = {
    "path traversal": ([{**PROGRAM, "../../evil": "x"}], "leaves the tree"),
    "path traversal within": ([{**PROGRAM, "app/../../evil": "x"}], "leaves the tree"),
    "link out of the image": ([{**PROGRAM, "app/x": symlink("../../evil")}], "leaves the image"),
    "absolute link out of the image": ([{**PROGRAM, "app/x": symlink("/../evil")}], "leaves the image"),
    "hard link out of the image": ([{**PROGRAM, "app/x": hard_link("../../etc/passwd")}], "leaves the tree"),
    "hard link to a file of the machine": (
        [{**PROGRAM, "app/x": hard_link("/etc/passwd")}],
        "/app/x is a hard link to /etc/passwd, which is no file",
    ),
    "hard link to a symlink": (
        [{**PROGRAM, "app/l": symlink("/etc/passwd"), "app/x": hard_link("app/l")}],
        "is a hard link to /app/l, which is no file",
    ),
    "hard link to what a layer removed": (
        [{**PROGRAM, "app/a": "x"}, [("app/.wh.a", ""), ("app/x", hard_link("app/a"))]],
        "is a hard link to /app/a, which is no file",
    ),
    "whiteout of a parent": ([PROGRAM, {"app/.wh...": ""}], "/app/.wh... is a whiteout of a parent folder"),
    "whiteout of its folder": ([PROGRAM, {"app/.wh..": ""}], "is a whiteout of a parent folder"),
    "whiteout without a name": ([PROGRAM, {"app/.wh.": ""}], "is a whiteout of a parent folder"),
    "circle of links": (
        [[("app/server", "x"), ("a", symlink("b")), ("b", symlink("a")), ("a/c", "x")]],
        "leads through more than 40 links",
    ),
    "file below a file": ([{**PROGRAM, "app/server/x": "x"}], "is below a file"),
    "deep folders": ([{**PROGRAM, "a/" * 300 + "x": "x"}], "more than 200 folders deep"),
    "deep folders through links": (
        [
            [
                ("app/server", "x"),
                ("a/" * 150, ""),
                ("l", symlink("/".join("a" * 150))),
                ("l/" + "b/" * 150, ""),
            ]
        ],
        "more than 200 folders deep",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_layers_are_refused_by_name(tmp_path: Path, name: str) -> None:
    layers, problem = HOSTILE[name]
    path = image(tmp_path / "in", layers)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as caught:
        staged(tmp_path / "in")
    assert problem in str(caught.value)
    assert (caught.value.file, caught.value.key) == (str(path), "from")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "in/service/Capstanfile"])


def test_write_through_an_absolute_link_stays_in_the_image(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    image(tmp_path, [[("app/server", "program"), ("evil", symlink(str(outside))), ("evil/x", "theirs")]])
    staged(tmp_path)
    assert (outside / "x").read_text() == "mine"
    assert [path.name for path in outside.iterdir()] == ["x"]


def test_file_replaces_a_link_and_not_what_it_names(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    image(tmp_path, [[("app/server", "program"), ("app/x", symlink(str(victim))), ("app/x", "theirs")]])
    assert files(staged(tmp_path))["app/x"] == "theirs"
    assert victim.read_text() == "mine"


def _sparse() -> bytes:
    member = tarfile.TarInfo("app/big")
    member.size, member.type = 1 << 40, tarfile.GNUTYPE_SPARSE
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


@pytest.mark.parametrize(
    ("data", "compression", "problem"),
    [
        (_sparse(), "+gzip", "is a sparse file"),
        (layer({"app/zeros": bytes(100 << 20)}), "+gzip", "compressed by more than 1 to 200"),
        (layer({"app/zeros": bytes(100 << 20)}), "+zstd", "compressed by more than 1 to 200"),
        (b"no tar file at all" * 100, "", "not a whole tar file"),
    ],
    ids=["sparse", "gzip bomb", "zstd bomb", "no tar"],
)
def test_bombs_are_refused_at_once(tmp_path: Path, data: bytes, compression: str, problem: str) -> None:
    path = oci(tmp_path / "service/image.tar", [layer(PROGRAM), data], compression)
    began = time.process_time()
    with pytest.raises(InputError, match=problem) as caught:
        staged(tmp_path)
    assert time.process_time() - began < 20
    assert caught.value.file == str(path)
    assert sorted(child.name for child in tmp_path.iterdir()) == ["service"]


def test_all_layers_together_are_bounded(tmp_path: Path) -> None:
    names = [[f"app/{number}-{file}" for file in range(5)] for number in range(4)]
    image(tmp_path, [dict.fromkeys(some, "x" * 3000) for some in names])
    (tmp_path / "service/Capstanfile").write_text("from: image.tar\n")
    found = load_manifest(tmp_path / "service").image
    assert found is not None
    for bounds in (Bounds(bytes=50_000), Bounds(members=12)):
        (tmp_path / f"work{bounds.members}").mkdir()
        with pytest.raises(InputError, match="its layers unpack to more than"):
            container_image.unpack(found, tmp_path / f"work{bounds.members}", bounds)


def refused(folder: Path, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        staged(folder)
    assert problem in str(caught.value)
    assert caught.value.key == "from"
    assert sorted(child.name for child in folder.iterdir()) == ["service"]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("manifest", b'{"config": {}}', "does not have the digest that its name states"),
        ("config", b'{"os": "linux"}', "does not have the digest that its name states"),
        ("layer", gzip.compress(layer({"app/server": "other"})), "does not have the digest"),
    ],
)
def test_wrong_digests_are_refused(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    layout, layers = Layout(), [layer(PROGRAM)]
    descriptor = layout.manifest(layers, config(layers))
    manifest = json.loads(layout.files[f"blobs/sha256/{descriptor['digest'][7:]}"])
    digests = {"manifest": descriptor, "config": manifest["config"], "layer": manifest["layers"][0]}
    layout.files["blobs/" + digests[name]["digest"].replace(":", "/")] = data
    layout.write(tmp_path / "service/image.tar", [descriptor])
    refused(tmp_path, problem)


def test_layer_that_the_configuration_does_not_name_is_refused(tmp_path: Path) -> None:
    layout = Layout()
    descriptor = layout.manifest([layer(PROGRAM)], config([layer({"app/server": "other"})]))
    layout.write(tmp_path / "service/image.tar", [descriptor])
    refused(tmp_path, "is not the layer that the configuration names")


def test_platform_is_chosen_among_several(tmp_path: Path) -> None:
    layout, descriptors = Layout(), []
    for architecture in ("arm64", "amd64"):
        layers = [layer({"app/server": architecture})]
        descriptor = layout.manifest(layers, config(layers, architecture))
        descriptors.append(descriptor | {"platform": {"os": "linux", "architecture": architecture}})
    attestation = layout.blob(b"{}") | {"platform": {"os": "unknown", "architecture": "unknown"}}
    nested = layout.blob(json.dumps({"manifests": [*descriptors, attestation]}).encode())
    layout.write(tmp_path / "service/image.tar", [nested])
    assert files(staged(tmp_path)) == {"app/server": "amd64"}


@pytest.mark.parametrize("with_platform", [False, True])
def test_image_for_another_architecture_is_refused(tmp_path: Path, with_platform: bool) -> None:
    layout, layers = Layout(), [layer(PROGRAM)]
    descriptor = layout.manifest(layers, config(layers, "arm64"))
    platform = {"platform": {"os": "linux", "architecture": "arm64"}} if with_platform else {}
    layout.write(tmp_path / "service/image.tar", [descriptor | platform])
    refused(tmp_path, "linux/arm64")


def test_several_images_are_refused(tmp_path: Path) -> None:
    layout = Layout()
    layers = [[layer(PROGRAM)], [layer({"app/server": "2"})]]
    layout.write(tmp_path / "service/image.tar", [layout.manifest(one, config(one)) for one in layers])
    refused(tmp_path, "holds 2 images")


@pytest.mark.parametrize(
    ("files_of_archive", "problem"),
    [
        ({"readme": "x"}, "holds neither index.json (OCI) nor manifest.json (Docker)"),
        ({"index.json": "["}, "index.json is not JSON"),
        ({"index.json": "[" * 100_000}, "index.json is not JSON"),
        ({"index.json": "{}"}, "index.json: manifests: Field required"),
        ({"index.json": '{"manifests": [{"digest": "sha256:../../x"}]}'}, "should match pattern"),
        (
            {"index.json": json.dumps({"manifests": [{"digest": "sha256:" + "0" * 64}]})},
            "holds no blobs/sha256/00",
        ),
        ({"manifest.json": "[]"}, "manifest.json names 0 images"),
        ({"manifest.json": '[{"Config": "../x.json", "Layers": []}]'}, "holds no ../x.json"),
        ({"manifest.json": '[{"Config": 1, "Layers": []}]'}, "Config: "),
        ({"index.json": "{" + " " * (5 << 20) + "}"}, "holds neither"),
    ],
)
def test_archives_that_are_no_images_are_refused(
    tmp_path: Path, files_of_archive: dict[str, str], problem: str
) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service/image.tar").write_bytes(layer(files_of_archive))
    refused(tmp_path, problem)


def test_index_that_contains_itself_is_refused(tmp_path: Path) -> None:
    """A digest cannot really be its own, but levels are bounded all the same."""
    layout = Layout()
    inner = layout.blob(b'{"manifests": [{"digest": "sha256:' + b"0" * 64 + b'"}]}')
    for _ in range(5):
        inner = layout.blob(json.dumps({"manifests": [inner]}).encode())
    layout.write(tmp_path / "service/image.tar", [inner])
    refused(tmp_path, "nests more than 3 indexes")


@pytest.mark.parametrize(
    ("run", "key", "problem"),
    [
        ({"Entrypoint": None}, "from", "the image names no program"),
        ({"Cmd": ["-g", "daemon off;"]}, "from", "cannot carry the image's word 'daemon off;'"),
        ({"Cmd": [""]}, "from", "cannot carry the image's word ''"),
        ({"Entrypoint": ["/app/none"]}, "cmdline", "the program /app/none is not in the tree"),
        ({"Entrypoint": ["none"]}, "from", "the image's program 'none' is in none of /usr/local/sbin"),
        ({"Entrypoint": ["/app"]}, "cmdline", "the program /app is a directory"),
        ({"Env": ["A"]}, "from", "sets the variable 'A', which is not NAME=VALUE"),
        ({"ExposedPorts": {"http": {}}}, "from", "exposes the port 'http', which is none"),
        ({"ExposedPorts": {"70000/tcp": {}}}, "from", "exposes the port '70000/tcp'"),
        ({"Env": "A=1"}, "from", "valid list"),
    ],
)
def test_configurations_that_cannot_run_are_refused(
    tmp_path: Path, run: dict[str, object], key: str, problem: str
) -> None:
    image(tmp_path, [PROGRAM], **run)
    with pytest.raises(InputError) as caught:
        staged(tmp_path)
    assert problem in str(caught.value)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.tar", "'none.tar' does not exist"),
        ("docker:nginx:1", "run `docker image save -o image.tar nginx:1`"),
    ],
)
def test_images_that_are_not_there_are_refused(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "Capstanfile").write_text(f"from: {name}\n")
    with pytest.raises(InputError, match=problem):
        load_manifest(tmp_path)


def test_docker_archive_with_another_configuration_is_refused(tmp_path: Path) -> None:
    configuration = config([layer(PROGRAM)])
    manifest = json.dumps([{"Config": f"{sha256(b'x')}.json", "Layers": ["a/layer.tar"]}])
    (tmp_path / "service").mkdir()
    members = {
        f"{sha256(b'x')}.json": configuration,
        "manifest.json": manifest,
        "a/layer.tar": layer(PROGRAM),
    }
    (tmp_path / "service/image.tar").write_bytes(layer(members))
    refused(tmp_path, "does not have the digest that its name states")


def test_example_of_the_documentation_is_staged(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs/images.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```\n(from: image\.tar\n.*?)```", text, flags=re.DOTALL)
    image(tmp_path, [{"usr/sbin/nginx": "program", "etc/nginx/nginx.conf": "x"}], Cmd=["-g", "daemon off;"])
    (tmp_path / "service/osv.conf").write_text("daemon off;")
    (tmp_path / "service/Capstanfile").write_text(example)
    done = stage(load_manifest(tmp_path / "service"), tmp_path / "tree", write=True)
    assert done.manifest.cmdline == "/usr/sbin/nginx -c /etc/nginx/osv.conf"
    assert (done.tree / "etc/nginx/osv.conf").read_text() == "daemon off;"


LAYERS = (
    layer({**PROGRAM, "app/a": "1", "usr/lib/": "", "lib": symlink("usr/lib"), "app/h": hard_link("app/a")}),
    layer([("app/.wh.a", ""), ("lib/x", "2"), ("app/d/.wh..wh..opq", "")]),
)


@settings(max_examples=int(os.environ.get("UNILAB_FUZZ_EXAMPLES", "60")), deadline=5000)
@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.sampled_from(["", "+gzip", "+zstd"]),
    st.booleans(),
)
def test_damaged_archive_is_staged_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], compression: str, is_layer: bool
) -> None:
    """Bytes are changed in the archive, or in a layer whose digests are then right."""
    folder = tmp_path_factory.mktemp("damaged")
    layers = [bytearray(one) for one in LAYERS]
    for at, value in changes if is_layer else ():
        layers[at % 2][at % len(layers[at % 2])] = value
    path = oci(folder / "service/image.tar", [bytes(one) for one in layers], compression)
    if not is_layer:
        content = bytearray(path.read_bytes())
        for at, value in changes:
            content[at % len(content)] = value
        path.write_bytes(content)
    try:
        staged(folder)
    except InputError as error:
        assert "Remedy: " in str(error)
        assert "\n" not in str(error)
        assert sorted(child.name for child in folder.iterdir()) == ["service"]
