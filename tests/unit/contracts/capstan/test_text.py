"""Values reach the program as they are written in the manifest.

The right values were read by Go's gopkg.in/yaml.v2 2.2.8, which Capstan uses, into map[string]string and
[]string.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from packages import about

from contracts.capstan.text import parse_manifest
from contracts.errors import YAML_MAX_BYTES, InputError
from contracts.manifest import load_manifest

FILE = Path("Capstanfile")
PLAIN = (
    *(
        "1.10",
        "0755",
        "yes",
        "off",
        "True",
        "y",
        "n",
        "12:30:00",
        "00:10",
        "1:2",
        "0x1F",
        "0o17",
        "0b11",
        "1_000",
    ),
    *(
        "1e3",
        "1.0",
        "5.0",
        "+1",
        "-1",
        ".5",
        "NaN",
        ".inf",
        "-.inf",
        "1.0e+5",
        "1e400",
        "2024-01-02",
        "=",
        "8080",
    ),
    "2001-12-14t21:59:43.10-05:00",
)
READ = {
    **{text: text for text in PLAIN},
    **dict.fromkeys(("", "~", "null", "NULL", "Null", "''", '""', "!!str", "!!null"), ""),
    '"null"': "null",
    "'~'": "~",
    '"0755"': "0755",
    "'it''s'": "it's",
    r'"a\u00e9"': "aé",
    "!!str 0755": "0755",
    "!!int 0755": "0755",
    "!!float 1": "1",
    "!!bool yes": "yes",
    "!!binary aGVsbG8=": "hello",
    "!own bar": "bar",
    "&anchor v": "v",
    "|-\n        a": "a",
    ">-\n        a": "a",
}


@pytest.mark.parametrize(("written", "value"), READ.items())
def test_value_of_a_capstanfile_is_its_text(tmp_path: Path, written: str, value: str) -> None:
    (tmp_path / "Capstanfile").write_text(f"cmdline: /a\nenv:\n  NAME: {written}\n")
    assert load_manifest(tmp_path).env == {"NAME": value}


@pytest.mark.parametrize(("written", "value"), READ.items())
def test_value_of_a_config_set_is_its_text(tmp_path: Path, written: str, value: str) -> None:
    _package(tmp_path, f"env:\n      NAME: {written}\n    bootcmd: /a")
    assert load_manifest(tmp_path).env == {"NAME": value}


@pytest.mark.parametrize("written", PLAIN)
def test_items_and_options_are_their_text(tmp_path: Path, written: str) -> None:
    _package(tmp_path, f"bootcmd: --env=NAME={written} /a {written}")
    manifest = load_manifest(tmp_path)
    assert (manifest.env, manifest.cmdline) == ({"NAME": written}, f"/a {written}")
    content = parse_manifest(
        f"args: [--at, {written}, [{written}], {{a: {written}}}]\n".encode(), FILE, "manifest"
    )
    assert content == {"args": ["--at", written, [written], {"a": written}]}


@pytest.mark.parametrize("name", ["ON", "yes", "1.10", "0755", "8080"])
def test_name_of_a_set_is_its_text(tmp_path: Path, name: str) -> None:
    sets = f"  {name}: {{bootcmd: /a}}\n  b: {{bootcmd: /b}}\n"
    _write_package(tmp_path, f"runtime: native\nconfig_set:\n{sets}config_set_default: {name}\n")
    assert load_manifest(tmp_path).cmdline == "/a"


def test_name_of_a_variable_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "Capstanfile").write_text("cmdline: /a $ON\nenv: {ON: yes, Y: no}\n")
    manifest = load_manifest(tmp_path)
    assert (manifest.env, manifest.cmdline) == ({"ON": "yes", "Y": "no"}, "/a yes")


def test_anchors_and_merge_keys_keep_the_text(tmp_path: Path) -> None:
    text = "cmdline: /a\nenv: &all\n  A: &mode 0755\n  B: *mode\n"
    (tmp_path / "Capstanfile").write_text(text)
    assert load_manifest(tmp_path).env == {"A": "0755", "B": "0755"}
    _package(
        tmp_path / "app",
        "env: &e {A: 0755, B: 1.10}\n    bootcmd: /a",
        "  b:\n    env: {<<: *e, B: off}\n    bootcmd: /b",
    )
    (tmp_path / "app/meta/run.yaml").open("a").write("config_set_default: b\n")
    assert load_manifest(tmp_path / "app").env == {"A": "0755", "B": "off"}


@pytest.mark.parametrize(
    "keys", ["env:", "env: ~", "args:", "base:", "node_args: null", "shell: no", "shell:"]
)
def test_key_without_value_is_empty(tmp_path: Path, keys: str) -> None:
    _write_package(
        tmp_path,
        f"runtime: node\nconfig_set:\n  default:\n    main: /a.js\n    {keys}\nconfig_set_default:\n",
        require=["node-4.4.5"],
    )
    _package(tmp_path / "packages/node-4.4.5", "bootcmd: /node $NODE_ARGS $MAIN $ARGS", name="node")
    assert load_manifest(tmp_path, tmp_path / "packages").cmdline == "/node /a.js"


@pytest.mark.parametrize(("word", "cmdline"), [("yes", "/node"), ("true", "/node"), ("On", "/node")])
def test_truth_values_are_those_of_yaml_1_1(tmp_path: Path, word: str, cmdline: str) -> None:
    _write_package(tmp_path, f"runtime: node\nconfig_set:\n  default:\n    shell: {word}\n")
    _package(tmp_path / "packages/node-4.4.5", "bootcmd: /node $NODE_ARGS $MAIN $ARGS", name="node")
    assert load_manifest(tmp_path, tmp_path / "packages").cmdline == cmdline


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("cmdline: /a\nenv: {A: [b]}\n", "env.A", "valid string"),
        ("cmdline: /a\nenv: {A: {b: c}}\n", "env.A", "valid string"),
        ("cmdline: /a\nenv: [a]\n", "env", "valid dictionary"),
        ("cmdline: /a\nenv: a\n", "env", "valid dictionary"),
        ("cmdline:\n", "cmdline", "missing or empty"),
        ("cmdline: /a\nlibraries: a\n", "libraries", "valid list"),
        ("cmdline: /a\nfiles: {/a: }\n", "files", "guest path '/a' has no host path"),
        ("cmdline: /a\nenv: {~: b}\n", "env.", "not a variable's name"),
        ("cmdline: /a\nenv: {A: !!binary '/'}\n", "", "not YAML"),
        ("cmdline: /a\nenv: !own {A: b}\n", "", "the tag !own is unknown"),
        ("cmdline: /a\nenv: {A: |\n a\n b\n}\n", "", "not YAML"),
        ("cmdline: /a\nenv:\n  A: |\n    text\n", "env.A", "omit the line break"),
        ("", "", "this is empty"),
        ("cmdline: /a\n? [a]\n: b\n", "", "not YAML"),
    ],
)
def test_other_kinds_are_refused(tmp_path: Path, text: str, key: str, problem: str) -> None:
    (tmp_path / "Capstanfile").write_text(text)
    with pytest.raises(InputError) as caught:
        load_manifest(tmp_path)
    assert caught.value.key == key
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def _bomb(levels: int) -> str:
    lines = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, levels)]
    return "\n".join(["cmdline: /a", "l0: &l0 [x]", *lines, ""])


def _merge_bomb(levels: int) -> str:
    lines = [f"l{level}: &l{level} {{<<: [*l{level - 1}, *l{level - 1}]}}" for level in range(1, levels)]
    return "\n".join(["cmdline: /a", "l0: &l0 {a: b}", *lines, ""])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_bomb(12), "aliases expand to more than"),
        (_merge_bomb(40), "aliases expand to more than"),
        ("a: &a [*a]\ncmdline: /a\n", "nested too deeply"),
        ("a: &a {b: *a}\ncmdline: /a\n", "nested too deeply"),
        ("a: " + "[" * 50_000, "nested too deeply"),
        ("a: " + "{a: " * 50_000, "nested too deeply"),
        ("#" * (YAML_MAX_BYTES + 1), "larger than"),
    ],
)
def test_hostile_yaml_is_refused_at_once(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "Capstanfile").write_text(text)
    began = time.process_time()
    with pytest.raises(InputError, match=problem):
        load_manifest(tmp_path)
    assert time.process_time() - began < 5


def _package(folder: Path, keys: str, more: str = "", name: str = "default") -> None:
    _write_package(folder, f"runtime: native\nconfig_set:\n  {name}:\n    {keys}\n{more}\n")


def _write_package(folder: Path, run: str, **keys: object) -> None:
    (folder / "meta").mkdir(parents=True)
    (folder / "meta/package.yaml").write_text(about(folder.name, **keys))
    (folder / "meta/run.yaml").write_text(run)
