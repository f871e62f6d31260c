"""Any manifest is read, or refused with one message. Number of examples: UNILAB_FUZZ_EXAMPLES, else 100."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts.capstan.boot_command import boot_command, script_variables
from contracts.errors import InputError
from contracts.manifest import load_manifest

BOUNDED = settings(
    max_examples=int(os.environ.get("UNILAB_FUZZ_EXAMPLES", "100")),
    deadline=5000,
    suppress_health_check=[HealthCheck.too_slow],
)
KEYS = st.sampled_from(
    [
        *(
            "base",
            "rpm-base",
            "build",
            "files",
            "rootfs",
            "cmdline",
            "env",
            "osv_cmdline_suffix",
            "libraries",
        ),
        *(
            "runtime",
            "config_set",
            "config_set_default",
            "default",
            "bootcmd",
            "main",
            "args",
            "shell",
            "xmx",
        ),
        *("name", "title", "author", "require", "version", "created", "jvm_args", "classpath", "python_args"),
    ]
)
SCALARS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "/a",
            "0755",
            "yes",
            "~",
            "",
            "native",
            "node",
            "java",
            "python",
            "default",
            "a:b",
            "$A",
            "--env=A=$B /a",
        ]
    ),
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.dates()),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS, inner, max_size=4),
    max_leaves=12,
)
CONTENTS = st.dictionaries(KEYS, VALUES, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest")
    (path / "app/meta").mkdir(parents=True)
    return path


def read_or_refuse(path: Path) -> None:
    try:
        manifest = load_manifest(path)
    except InputError as error:
        assert "\n" not in str(error)
        assert "Remedy: " in str(error)
        return
    assert manifest.cmdline.startswith("/")
    assert all(isinstance(value, str) for value in manifest.env.values())


@BOUNDED
@given(content=CONTENTS)
@example(content={"cmdline": "/a", "env": {"A": [1]}})
def test_capstanfile_is_read_or_refused(folder: Path, content: dict[str, object]) -> None:
    (folder / "Capstanfile").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    read_or_refuse(folder / "Capstanfile")


@BOUNDED
@given(package=CONTENTS, run=CONTENTS)
def test_package_is_read_or_refused(folder: Path, package: dict[str, object], run: dict[str, object]) -> None:
    meta = folder / "app/meta"
    about = {"name": "app", "title": "A", "author": "A"} | package
    (meta / "package.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    complete = {"runtime": "native", "config_set": {"default": {"bootcmd": "/a"}}} | run
    (meta / "run.yaml").write_text(yaml.safe_dump(complete), encoding="utf-8")
    read_or_refuse(meta / "package.yaml")


@BOUNDED
@given(text=st.binary(max_size=200) | st.text("{}[]&*!|>-:,#'\"%@` \n\tab<0", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(folder: Path, text: bytes) -> None:
    (folder / "Capstanfile").write_bytes(text)
    read_or_refuse(folder / "Capstanfile")


@BOUNDED
@given(
    text=st.text("/a\\\"'$;&! \t\nn-=?{}", max_size=40) | st.text(max_size=40),
    variables=st.dictionaries(st.sampled_from("AB"), st.text("a$AB ", max_size=6)),
    is_script=st.booleans(),
)
def test_command_is_read_or_refused(text: str, variables: dict[str, str], is_script: bool) -> None:
    filled, _ = script_variables("env", variables)
    try:
        found = boot_command(Path("file"), "cmdline", f"/a {text}", filled, is_script=is_script)
    except InputError as error:
        assert "Remedy: " in str(error)
        return
    # The words of one program, as each runtime splits them.
    assert found.cmdline == " ".join(found.cmdline.split())
    again = boot_command(Path("file"), "cmdline", found.cmdline, {})
    assert (again.cmdline, again.env, again.osv_suffix, again.notices) == (found.cmdline, {}, "", ())
