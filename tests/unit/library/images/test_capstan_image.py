from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import loaders
import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible.module_utils.unilab.hashing import sha256_of
from ansible.module_utils.unilab.staging import osv_symbols
from trees import service, staged

LIBRARY = Path(__file__).parents[4] / "library/images"


def _run(name: str, capsys: pytest.CaptureFixture[str], **options: Any) -> dict[str, Any]:
    """Run a module as Ansible does; what it returns."""
    with patch_module_args(options), pytest.raises(SystemExit):
        runpy.run_path(str(LIBRARY / f"{name}.py"), run_name="__main__")
    return dict(json.loads(capsys.readouterr().out))


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """A tree, a loader and a folder that is yet to be made."""
    return {
        "tree": str(staged(tmp_path).tree),
        "loader": str(loaders.image(tmp_path / "loader.img")),
        "cmdline": "/app/server",
        "path": str(tmp_path / "images/disk"),
    }


@pytest.mark.parametrize("disk_format", ["raw", "vhd", "qcow2"])
def test_a_disk_is_made_once(
    options: dict[str, Any], disk_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if disk_format != "raw" and shutil.which("qemu-img") is None:
        pytest.skip("no qemu-img: install qemu-utils to test VHD and qcow2")
    first = _run("capstan_image", capsys, **options, format=disk_format)
    path = Path(options["path"])
    assert first["changed"]
    assert (first["sha256"], first["bytes"]) == (sha256_of(path), path.stat().st_size)
    assert first["virtual_bytes"] % (2 << 20 if disk_format == "vhd" else 65536) == 0
    assert (first["boot"], first["kernel"]) == ("disk", "")
    again = _run("capstan_image", capsys, **options, format=disk_format)
    assert again == first | {"changed": False}
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert _run("capstan_image", capsys, **options, format=disk_format) == first


def test_a_kernel_is_given_back(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    options["loader"] = str(loaders.kernel(Path(options["loader"])))
    made = _run("capstan_image", capsys, **options)
    assert (made["boot"], made["kernel"]) == ("kernel", options["loader"])
    assert made["loader_sha256"] == sha256_of(Path(options["loader"]))


def test_missing_symbols_are_returned_and_kept(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(tree: Path, kernel: Path, program: str) -> list[osv_symbols.Missing]:
        assert (str(tree), str(kernel)) == (options["tree"], options["loader"])
        assert program == "app/server"
        return [osv_symbols.Missing("app/server", ("posix_spawn",))]

    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _, text: warnings.append(text))
    options["loader"] = str(loaders.kernel(Path(options["loader"])))
    monkeypatch.setattr(osv_symbols, "missing_symbols", missing)
    made = _run("capstan_image", capsys, **options)
    assert made["missing_symbols"] == [{"path": "/app/server", "symbols": ["posix_spawn"], "at_start": True}]
    assert "OSv's kernel lacks symbols: /app/server needs posix_spawn" in warnings[0]
    monkeypatch.setattr(osv_symbols, "missing_symbols", None)
    again = _run("capstan_image", capsys, **options)
    assert (again["changed"], again["missing_symbols"]) == (False, made["missing_symbols"])


def test_check_mode_and_diff_show_what_would_change(
    tmp_path: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {"_ansible_check_mode": True, "_ansible_diff": True}
    reported = _run("capstan_image", capsys, **options, **asked)
    assert reported["changed"]
    assert reported["sha256"] is None
    assert reported["diff"]["before"] == ""
    assert '"app/server"' in reported["diff"]["after"]
    assert not Path(options["path"]).parent.exists()

    made = _run("capstan_image", capsys, **options, _ansible_diff=True)
    assert made["diff"] == reported["diff"]

    shutil.rmtree(tmp_path / "tree")
    (tmp_path / "service/extra").write_text("more")
    (tmp_path / "service/server").write_text("another")
    staged(tmp_path, {"/app/server": "extra", "/app/extra": "extra"})
    before = sha256_of(Path(options["path"]))
    reported = _run("capstan_image", capsys, **options | {"cmdline": "/app/server x"}, **asked)
    assert sha256_of(Path(options["path"])) == before
    assert reported["diff"]["before"] == made["diff"]["after"]
    lines = {side: set(reported["diff"][side].splitlines()) for side in ("before", "after")}
    new, old = lines["after"] - lines["before"], lines["before"] - lines["after"]
    assert {json.loads(line)[0] for line in new if line.startswith("[")} == {"app/extra", "app/server"}
    assert {json.loads(line)[0] for line in old if line.startswith("[")} == {"app/server"}
    assert "command_line: /app/server x" in new
    assert "command_line: /app/server" in old


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"cmdline": "x" * 1024}, "key cmdline: 1024 bytes; OSv keeps 1023"),
        ({"alignment_kib": 1}, "key alignment_kib: 1 is no multiple of 64"),
        ({"loader": "/nothing"}, "/nothing: key loader: cannot read it"),
        ({"loader": "/etc/passwd"}, "/etc/passwd: key loader: neither an ELF kernel"),
        ({"tree": "/etc"}, "/etc: not a staged tree"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input_is_one_message_before_anything_is_written(
    options: dict[str, Any],
    change: dict[str, Any],
    problem: str,
    check_mode: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reported = _run("capstan_image", capsys, **options | change, _ansible_check_mode=check_mode)
    assert reported["failed"]
    assert problem in reported["msg"]
    assert "Remedy: " in reported["msg"]
    assert "\n" not in reported["msg"]
    assert not Path(options["path"]).parent.exists()


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    service(tmp_path / "other")
    options["path"] = str(tmp_path / "other/Capstanfile/disk")
    reported = _run("capstan_image", capsys, **options)
    assert reported["failed"]
    parent = Path(options["path"]).parent
    assert f"{options['path']}: cannot write it: File exists ({parent}). Remedy: " in reported["msg"]


def test_a_command_line_is_replaced_in_place(
    options: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    _run("capstan_image", capsys, **options)
    wanted = {"path": options["path"], "command_line": "--ip=eth0 /app/server", "_ansible_diff": True}
    before = sha256_of(Path(options["path"]))
    reported = _run("osv_command_line", capsys, **wanted, _ansible_check_mode=True)
    assert reported["changed"]
    assert reported["diff"] == {"before": "/app/server\n", "after": "--ip=eth0 /app/server\n"}
    assert sha256_of(Path(options["path"])) == before
    done = _run("osv_command_line", capsys, **wanted)
    assert done == reported
    again = _run("osv_command_line", capsys, **wanted)
    assert (again["changed"], again["before"]) == (False, "--ip=eth0 /app/server")


def test_a_command_line_for_no_disk_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported = _run("osv_command_line", capsys, path=str(tmp_path / "disk"), command_line="x")
    assert reported["failed"]
    assert "disk: cannot change its command line: No such file or directory. Remedy: " in reported["msg"]
