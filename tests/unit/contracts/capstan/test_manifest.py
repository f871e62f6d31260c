"""Both forms of manifest: what is read, the notices, and the one message for what is wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from packages import about, mpm, native, package

from contracts.capstan.ignore import ignored
from contracts.capstan.package import open_folder
from contracts.errors import InputError
from contracts.manifest import Manifest, PackageArchive, PackageFolder, Script, load_manifest

EXAMPLES = os.environ.get("UNILAB_CAPSTAN_EXAMPLES", "")


def capstanfile(folder: Path, **keys: object) -> Path:
    path = folder / "Capstanfile"
    path.write_text(yaml.safe_dump({"cmdline": "/server"} | keys))
    return path


def layer_names(manifest: Manifest) -> list[str]:
    return [layer.name for layer in manifest.layers]


def scripts(manifest: Manifest) -> dict[str, str]:
    sources = [source for layer in manifest.layers for source in layer.sources]
    return {source.guest: source.text for source in sources if isinstance(source, Script)}


# Capstanfile


@pytest.mark.parametrize(
    "keys",
    [
        {"files": None, "build": True},
        {"files": {}, "base": "someone/base"},
        {"cmdline": "/java.so\n-Xmx1G\n-jar /a.jar\n", "base": "jdk", "build": "make"},
        {"rpm-base": {"name": "jdk", "version": 1.7, "release": "1.fc19", "arch": "x86_64"}},
        {"rootfs": "./", "cmdline": "/python /server.py"},
        {"files": {"lib/a.so": "a.so", "/usr/b": "b/&"}, "env": {"PORT": 8000, "DEBUG": True}},
    ],
)
def test_forms_in_use_are_read(tmp_path: Path, keys: dict[str, Any]) -> None:
    manifest = load_manifest(capstanfile(tmp_path, **keys))
    assert manifest.cmdline.startswith("/")
    assert all(guest.startswith("/") for guest in manifest.files)
    assert all(isinstance(value, str) for value in manifest.env.values())


def test_bases_give_notices(tmp_path: Path) -> None:
    path = capstanfile(tmp_path, **{"base": "someone/jdk", "rpm-base": {"name": "openjdk"}})
    base, rpm = load_manifest(path).notices
    assert base.startswith("base: 'someone/jdk' is not read")
    assert rpm.startswith("rpm-base: 'openjdk' is not installed")


def test_environment_comes_from_the_key_and_the_command(tmp_path: Path) -> None:
    path = capstanfile(tmp_path, cmdline="--env=A=2 --env=B?=2 /server $A", env={"A": 1, "B": 1})
    manifest = load_manifest(path)
    assert manifest.env == {"A": "2", "B": "1"}
    assert manifest.cmdline == "/server 2"


@pytest.mark.parametrize("text", ["cmdline: /a ! \n", "cmdline: /a\nosv_cmdline_suffix: ' !'\n"])
def test_end_of_the_command_is_for_osv_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "Capstanfile").write_text(text)
    manifest = load_manifest(tmp_path)
    assert (manifest.cmdline, manifest.osv_cmdline_suffix) == ("/a", " !")


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("cmdline: /a\nfile: {}\n", "file", "unknown key in capstanfile"),
        ("files: {/a: a}\n", "cmdline", "missing or empty"),
        ("cmdline: ''\n", "cmdline", "missing or empty"),
        ("cmdline: /a\nfiles: {/../a: a}\n", "files", "guest path '/../a' leaves the tree"),
        ("cmdline: /a\nfiles: {../a: a}\n", "files", "guest path '../a' leaves the tree"),
        ("cmdline: /a\nfiles:\n  /a: a\n  /a: b\n", "/a", "given twice, for the second time in line 4"),
        ("cmdline: /a\ncmdline: /b\n", "cmdline", "given twice"),
        ("cmdline: /a; /b\n", "cmdline", "starts 2 programs"),
        ("cmdline: /a\nenv: {A: x y}\n", "env.A", "cannot carry white space"),
        ("cmdline: [\n", "", "not YAML"),
        ("- cmdline\n", "", "a manifest is a mapping, this is list"),
    ],
)
def test_bad_capstanfiles_are_refused(tmp_path: Path, text: str, key: str, problem: str) -> None:
    path = tmp_path / "Capstanfile"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_manifest(path)
    assert (caught.value.file, caught.value.key) == (str(path), key)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_holds_one_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds neither Capstanfile nor meta"):
        load_manifest(tmp_path)
    package(tmp_path, run=native("/server"))
    assert load_manifest(tmp_path).path == tmp_path / "meta/package.yaml"
    capstanfile(tmp_path)
    with pytest.raises(InputError, match="holds both Capstanfile and meta"):
        load_manifest(tmp_path)


# Package form


def test_package_without_requirements(tmp_path: Path) -> None:
    run = native("/server -p 1", env={"PORT": 8000})
    path = package(tmp_path / "app", {"server": ""}, run, version=1.0, build="make", libraries=["libz.so.1"])
    manifest = load_manifest(path)
    assert (manifest.folder, manifest.build) == (tmp_path / "app", "make")
    assert (manifest.cmdline, manifest.env) == ("/server -p 1", {"PORT": "8000"})
    assert manifest.libraries == ("libz.so.1",)
    assert layer_names(manifest) == ["the application", "config sets"]
    assert scripts(manifest) == {"/run/default": "--env=PORT?=8000 /server -p 1"}
    assert manifest.notices == ()


def test_required_packages_come_first_each_after_its_own(tmp_path: Path) -> None:
    shelf = tmp_path / "packages"
    package(shelf / "one", require=["three"])
    mpm(shelf / "two.mpm", {"/meta/package.yaml": about("two"), "/lib/two.so": ""})
    mpm(shelf / "three.mpm", {"meta/package.yaml": about("three")}, "w")
    path = package(tmp_path / "app", run=native("/server"), require=["three", "two", "one"])
    manifest = load_manifest(path, shelf)
    wanted = ["package two", "package three", "package one", "the application", "config sets"]
    assert layer_names(manifest) == wanted
    kinds = [type(layer.sources[0]) for layer in manifest.layers[:3]]
    assert kinds == [PackageArchive, PackageArchive, PackageFolder]


def test_bootstrap_and_binary_give_notices(tmp_path: Path) -> None:
    path = package(tmp_path / "app", run=native("/server"), require=["osv.bootstrap"], binary={"qemu": "x"})
    bootstrap, binary = load_manifest(path).notices
    assert bootstrap.startswith("require: osv.bootstrap of app is not copied")
    assert binary.startswith("binary: of app is not read")


def test_base_has_the_command_and_the_set_replaces_its_values(tmp_path: Path) -> None:
    shelf = tmp_path / "packages"
    base = {"bootcmd": "--env=LANG?=C /tool $FILE", "env": {"FILE": "none", "LEVEL": "1"}}
    package(
        shelf / "tool", run={"runtime": "native", "config_set": {"run": base, "alias": {"base": "tool:run"}}}
    )
    own = {"base": "tool:alias", "env": {"FILE": "/a.conf"}}
    run = {"runtime": "native", "config_set": {"mine": own}}
    manifest = load_manifest(package(tmp_path / "app", run=run, require=["tool"]), shelf)
    assert manifest.cmdline == "/tool /a.conf"
    assert manifest.env == {"FILE": "/a.conf", "LEVEL": "1", "LANG": "C"}
    assert sorted(scripts(manifest)) == ["/run/alias", "/run/mine", "/run/run"]
    assert scripts(manifest)["/run/mine"] == "--env=FILE?=/a.conf --env=LEVEL?=1 --env=LANG?=C /tool $FILE"


@pytest.mark.parametrize(
    ("runtime", "interpreter", "command", "keys", "cmdline"),
    [
        (
            "java",
            "openjdk8-zulu-compact1:java",
            "/java.so -Xmx$XMX -cp $CLASSPATH $JVM_ARGS $MAIN $ARGS",
            {"main": "/a.jar", "args": ["-p", 1], "jvm_args": ["-Da=b"], "xmx": "64m"},
            "/java.so -Xmx64m -cp / -Da=b -jar /a.jar -p 1",
        ),
        (
            "java",
            "openjdk8-zulu-compact1:java",
            "/java.so $JVM_ARGS -cp $CLASSPATH $MAIN",
            {"main": "a.Main", "classpath": ["/a", "/b"]},
            "/java.so -cp /a:/b a.Main",
        ),
        ("node", "node-4.4.5:node", "/node $NODE_ARGS $MAIN $ARGS", {"main": "/a.js"}, "/node /a.js"),
        ("node", "node-4.4.5:node", "/node $NODE_ARGS $MAIN $ARGS", {"shell": True}, "/node"),
        (
            "python",
            "python-2.7:python",
            "/python $PYTHON_ARGS $MAIN $ARGS",
            {"main": "/a.py", "python_args": ["-O"], "args": ["x"]},
            "/python -O /a.py x",
        ),
        ("python", "python-2.7:python", "/python $PYTHON_ARGS $MAIN", {"shell": True}, "/python -"),
    ],
)
def test_runtimes_fill_in_the_command_of_their_interpreter(  # noqa: PLR0917  one column each
    tmp_path: Path, runtime: str, interpreter: str, command: str, keys: dict[str, Any], cmdline: str
) -> None:
    name, _, config_set = interpreter.partition(":")
    base = {"runtime": "native", "config_set": {config_set: {"bootcmd": command, "env": {"XMX": "1g"}}}}
    package(tmp_path / "packages" / name, run=base)
    path = package(tmp_path / "app", run={"runtime": runtime, "config_set": {"main": keys}})
    manifest = load_manifest(path, tmp_path / "packages")
    assert manifest.cmdline == cmdline
    assert manifest.env == {"XMX": keys.get("xmx", "1g")}
    assert manifest.notices == ()


def test_base_names_another_jdk(tmp_path: Path) -> None:
    jdk = {"runtime": "native", "config_set": {"java": {"bootcmd": "/jre/bin/java $MAIN !"}}}
    package(tmp_path / "packages/openjdk17", run=jdk)
    run = {"runtime": "java", "config_set": {"main": {"main": "a.Main", "base": "openjdk17:java"}}}
    path = package(tmp_path / "app", run=run, require=["openjdk17"])
    manifest = load_manifest(path, tmp_path / "packages")
    assert (manifest.cmdline, manifest.osv_cmdline_suffix) == ("/jre/bin/java a.Main", " !")


def test_default_set(tmp_path: Path) -> None:
    sets = {"one": {"bootcmd": "/one"}, "default": {"bootcmd": "/two"}}
    named = {"runtime": "native", "config_set": sets, "config_set_default": "one"}
    assert load_manifest(package(tmp_path / "a", run=named)).cmdline == "/one"
    unnamed = {"runtime": "native", "config_set": sets}
    assert load_manifest(package(tmp_path / "b", run=unnamed)).cmdline == "/two"
    package(tmp_path / "packages/lib", run=native("/three"))
    without = package(tmp_path / "c", require=["lib"])
    assert load_manifest(without, tmp_path / "packages").cmdline == "/three"


def test_environment_has_the_values_that_the_command_gets(tmp_path: Path) -> None:
    """As in Capstan's /run/SET: a set's value replaces its base's, also where a key such as main sets it."""
    base = {
        "node": {"bootcmd": "/node $MAIN $ARGS", "env": {"MAIN": "/none.js", "ARGS": None, "NODE_ENV": "x"}}
    }
    package(tmp_path / "packages/node-4.4.5", run={"runtime": "native", "config_set": base})
    one = {"main": "/a.js", "env": {"NODE_ENV": "production"}}
    path = package(tmp_path / "app", run={"runtime": "node", "config_set": {"one": one}})
    manifest = load_manifest(path, tmp_path / "packages")
    assert manifest.cmdline == "/node /a.js"
    assert manifest.env == {"MAIN": "/a.js", "ARGS": "", "NODE_ENV": "production"}


def test_arguments_of_several_words_stay_in_the_command(tmp_path: Path) -> None:
    base = {"python": {"bootcmd": "/python $MAIN $ARGS", "env": {"MAIN": "-", "ARGS": ""}}}
    package(tmp_path / "packages/python-2.7", run={"runtime": "native", "config_set": base})
    sets = {"one": {"main": "/a.py", "args": ["--mode", "0755"]}}
    path = package(tmp_path / "app", run={"runtime": "python", "config_set": sets})
    manifest = load_manifest(path, tmp_path / "packages")
    assert manifest.cmdline == "/python /a.py --mode 0755"
    assert manifest.env == {"MAIN": "/a.py"}


def test_variables_are_filled_in_over_a_chain_of_bases(tmp_path: Path) -> None:
    shelf = tmp_path / "packages"
    last = {
        "bootcmd": "--env=FULL=x$URL /tool $URL $LEVEL",
        "env": {"URL": "http://$HOST:$PORT", "LEVEL": "1"},
    }
    package(shelf / "tool", run={"runtime": "native", "config_set": {"run": last}})
    middle = {"base": "tool:run", "env": {"HOST": "h", "LEVEL": "$DEPTH", "DEPTH": "2"}}
    package(shelf / "mid", run={"runtime": "native", "config_set": {"run": middle}}, require=["tool"])
    own = {"base": "mid:run", "env": {"URL": "http://$HOST"}}
    run = {"runtime": "native", "config_set": {"default": own}}
    manifest = load_manifest(package(tmp_path / "app", run=run, require=["mid"]), shelf)
    assert manifest.cmdline == "/tool http://h 2"
    assert manifest.env == {"URL": "http://h", "HOST": "h", "LEVEL": "2", "DEPTH": "2", "FULL": "xhttp://h"}
    assert manifest.notices == ()


def test_default_set_of_a_required_package_runs_where_the_own_sets_have_none(tmp_path: Path) -> None:
    """Capstan starts /run/default then, which the last package that has it wrote."""
    for name in ("first", "second"):
        package(tmp_path / "packages" / name, run=native(f"/{name}"))
    sets = {"one": {"bootcmd": "/one"}, "two": {"bootcmd": "/two"}}
    run = {"runtime": "native", "config_set": sets, "config_set_default": None}
    path = package(tmp_path / "app", run=run, require=["first", "second"])
    assert load_manifest(path, tmp_path / "packages").cmdline == "/second"


def test_long_chains_of_bases_are_refused(tmp_path: Path) -> None:
    sets = {f"s{number}": {"base": f"app:s{number + 1}"} for number in range(300)} | {
        "s300": {"bootcmd": "/a"}
    }
    run = {"runtime": "native", "config_set": sets, "config_set_default": "s0"}
    with pytest.raises(InputError, match="has more than 100 bases"):
        load_manifest(package(tmp_path / "app", run=run))


def test_package_without_name_in_mpm_folder_gets_the_name_of_osv(tmp_path: Path) -> None:
    (tmp_path / "tool/mpm").mkdir(parents=True)
    piece = tmp_path / "tool/mpm/package.yaml"
    piece.write_text("title: A tool\nversion: 1.2\nrequire: [osv.lib]\n")
    opened = open_folder(piece)
    assert (opened.package.name, opened.package.title) == ("osv.tool", "A tool")
    assert [notice.partition(":")[0] for notice in opened.notices] == ["name", "author"]


GOOD = {"bootcmd": "/a"}


@pytest.mark.parametrize(
    ("run", "key", "problem"),
    [
        ({"runtime": "ruby", "config_set": {"a": GOOD}}, "runtime", "'native', 'node', 'java' or 'python'"),
        ({"runtime": "native", "config_set": {}}, "config_set", "at least 1 item"),
        ({"runtime": "native", "config_sets": {}}, "config_set", "Field required"),
        ({"runtime": "native", "config_set": {"a": {"main": "x"}}}, "config_set.a.main", "unknown key"),
        ({"runtime": "native", "config_set": {"a": {}}}, "config_set.a", "bootcmd is missing"),
        ({"runtime": "node", "config_set": {"a": {}}}, "config_set.a", "main is missing"),
        ({"runtime": "java", "config_set": {"a": {}}}, "config_set.a", "main is missing"),
        (
            {"runtime": "python", "config_set": {"a": {"shell": True, "main": "/a"}}},
            "config_set.a",
            "a shell takes neither",
        ),
        (
            {"runtime": "node", "config_set": {"a": {"main": "/a", "base": "x:y"}}},
            "config_set.a",
            "'main' cannot be combined with a base",
        ),
        ({"runtime": "native", "config_set": {"a/b": GOOD}}, "config_set.a/b", "cannot name a file of /run"),
        (
            {"runtime": "native", "config_set": {"a": GOOD}, "config_set_default": "b"},
            "config_set_default",
            "there is no config set 'b'; there is a",
        ),
        (
            {"runtime": "native", "config_set": {"a": GOOD}, "config_set_default": "a,b"},
            "config_set_default",
            "starts several programs",
        ),
        (
            {"runtime": "native", "config_set": {"a": GOOD, "b": GOOD}},
            "config_set_default",
            "there are 2 config sets, and none is the default",
        ),
        ({"runtime": "native", "config_set": {"a": {"base": "x"}}}, "config_set.a.base", "should match"),
        (
            {"runtime": "native", "config_set": {"a": {"base": "lib:default"}}},
            "config_set.a.base",
            "package 'lib' is not required, or has no meta/run.yaml",
        ),
        (
            {"runtime": "native", "config_set": {"a": {"base": "app:b"}}},
            "config_set.a.base",
            "package 'app' has no config set 'b'; it has a",
        ),
        (
            {"runtime": "native", "config_set": {"a": {"base": "app:b"}, "b": {"base": "app:a"}}},
            "config_set_default",
            "there are 2 config sets",
        ),
        (
            {
                "runtime": "native",
                "config_set": {"a": {"base": "app:b"}, "b": {"base": "app:a"}},
                "config_set_default": "a",
            },
            "config_set.b.base",
            "forms a circle: app:a -> app:b -> app:a",
        ),
        (
            {"runtime": "native", "config_set": {"a": {"bootcmd": "/a; /b"}}},
            "config_set.a.bootcmd",
            "starts 2 programs",
        ),
        (
            {"runtime": "native", "config_set": {"a": {"bootcmd": "/a", "env": {"A": "x y"}}}},
            "config_set.a.env.A",
            "white space",
        ),
    ],
)
def test_bad_run_files_are_refused(tmp_path: Path, run: dict[str, Any], key: str, problem: str) -> None:
    path = package(tmp_path / "app", run=run)
    with pytest.raises(InputError) as caught:
        load_manifest(path)
    assert (caught.value.file, caught.value.key) == (str(path.with_name("run.yaml")), key)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ({"requires": []}, "requires", "unknown key in package"),
        ({"title": ""}, "title", "at least 1 character"),
        ({"require": ["lib"]}, "require", "package 'lib' is not in"),
        ({"require": ["../lib"]}, "require", "'../lib' names no package"),
        ({"require": ["app"]}, "require", "forms a circle: app -> app"),
        ({"require": ["circle"]}, "require", "forms a circle: app -> circle -> back -> circle"),
    ],
)
def test_bad_packages_are_refused(tmp_path: Path, keys: dict[str, Any], key: str, problem: str) -> None:
    shelf = tmp_path / "packages"
    package(shelf / "circle", require=["back"])
    package(shelf / "back", require=["circle"])
    path = package(tmp_path / "app", run=native("/server"), **keys)
    with pytest.raises(InputError) as caught:
        load_manifest(path, shelf)
    assert caught.value.key == key
    assert problem in str(caught.value)


def test_nothing_to_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to run: no meta/run"):
        load_manifest(package(tmp_path / "app"))
    with pytest.raises(InputError, match="there is no folder of packages"):
        load_manifest(package(tmp_path / "app", require=["lib"]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no tar file at all", "not a whole tar file"),
        (b"\x1f\x8b\x08" + bytes(40), "not a whole tar file"),
    ],
)
def test_damaged_package_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "lib.mpm").write_bytes(content)
    path = package(tmp_path / "app", run=native("/server"), require=["lib"])
    with pytest.raises(InputError, match=problem) as caught:
        load_manifest(path, tmp_path)
    assert caught.value.file == str(tmp_path / "lib.mpm")


def test_truncated_package_is_named(tmp_path: Path) -> None:
    whole = mpm(tmp_path / "lib.mpm", {"meta/package.yaml": about("lib"), "data": "x" * 100_000}, "w")
    whole.write_bytes(whole.read_bytes()[:50_000])
    path = package(tmp_path / "app", run=native("/server"), require=["lib"])
    with pytest.raises(InputError, match=r"lib\.mpm: not a whole tar file"):
        load_manifest(path, tmp_path)


def test_package_without_manifest_or_with_dots_is_refused(tmp_path: Path) -> None:
    mpm(tmp_path / "lib.mpm", {"data": "x"})
    path = package(tmp_path / "app", run=native("/server"), require=["lib"])
    with pytest.raises(InputError, match="holds no meta"):
        load_manifest(path, tmp_path)
    mpm(tmp_path / "lib.mpm", {"meta/package.yaml": about("lib"), "a/../../data": "x"})
    with pytest.raises(InputError, match=r"'a/\.\./\.\./data' leaves the tree"):
        load_manifest(path, tmp_path)


@pytest.mark.parametrize(
    ("pattern", "out", "stays"),
    [
        ("/a.txt", ["/a.txt"], ["/b/a.txt", "/aXtxt"]),
        ("/**/a.txt", ["/a.txt", "/b/a.txt", "/b/c/a.txt"], ["/b/xa.txt"]),
        ("/b", ["/b"], ["/bb"]),
        ("/b/*", ["/b/a", "/b/c/d"], ["/b"]),
        ("/*.txt", ["/a.txt"], ["/b/a.txt"]),
        ("/**/*.txt", ["/a.txt", "/b/a.txt"], ["/a.text"]),
        ("/*/*", ["/b/a", "/b/c/d"], ["/b"]),
        ("# /b", [], ["/b"]),
        ("/a*b*c", ["/abc", "/axbxbxc", "/abcc"], ["/abcd", "/a/b/c"]),
        ("/**/a/**/b", ["/a/b", "/x/a/y/a/z/b", "/a/x/b"], ["/a", "/b", "/x/a/b/c"]),
        ("/x/**/*.o/*", ["/x/a.o/b", "/x/y/a.o/b/c"], ["/x/a.o", "/a.o/b"]),
        ("/**/*a*", ["/a", "/b/xay"], ["/b", "/a/b"]),
    ],
)
def test_capstanignore(tmp_path: Path, pattern: str, out: list[str], stays: list[str]) -> None:
    (tmp_path / ".capstanignore").write_text(f"\n {pattern} \n")
    expression = ignored(tmp_path)
    assert [path for path in [*out, *stays] if expression.fullmatch(path)] == out
    assert expression.fullmatch("/meta")
    assert expression.fullmatch("/.git")


@pytest.mark.parametrize("pattern", ["/" + "a*" * 60 + "b", "/**/a" * 60 + "b", "/" + "*" * 200 + "b"])
def test_capstanignore_takes_no_time(tmp_path: Path, pattern: str) -> None:
    (tmp_path / ".capstanignore").write_text(pattern)
    began = time.process_time()
    expression = ignored(tmp_path)
    assert not expression.fullmatch("/" + "a" * 250)
    assert not expression.fullmatch("/a" * 250)
    assert time.process_time() - began < 5


def test_capstanignore_with_meta_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".capstanignore").write_text("/meta\n")
    with pytest.raises(InputError, match="remove the line /meta"):
        ignored(tmp_path)


@pytest.mark.skipif(not EXAMPLES, reason="UNILAB_CAPSTAN_EXAMPLES names no folder of public examples")
def test_public_examples_are_read() -> None:
    folder = Path(EXAMPLES)
    capstanfiles = sorted(folder.rglob("Capstanfile"))
    packages = sorted(folder.rglob("package.yaml"))
    assert capstanfiles or packages, f"{folder} holds neither Capstanfile nor package.yaml"
    for path in capstanfiles:
        manifest = load_manifest(path)
        content = yaml.safe_load(path.read_text())
        reported = " ".join(manifest.notices)
        assert all(f"{key}: " in reported for key in ("base", "rpm-base") if key in content), path
        assert manifest.cmdline.startswith("/"), path
    for path in packages:
        assert open_folder(path).package.name, path
