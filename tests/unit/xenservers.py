"""The double and the modules in one process, for tests."""

from __future__ import annotations

import importlib.util
import io
import json
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from ansible.module_utils.testing import patch_module_args
from ansible.module_utils.unilab.images.osv import command_line as osv_command_line

from tests.doubles.xapi.server import Double

PROJECT = Path(__file__).resolve().parents[2]


def boot_disk(path: Path) -> Path:
    """A disk as OSv's loader leaves it: signature, mark, and a file system far behind the command line."""
    content = bytearray(4 << 20)
    content[510:512] = b"\x55\xaa"
    mark_at = osv_command_line.OSV_MARK_AT
    content[mark_at : mark_at + 3] = osv_command_line.OSV_MARK
    at = osv_command_line.PARTITION_ENTRY_AT + 8
    content[at : at + 4] = (4096).to_bytes(4, "little")
    content[65536:] = b"\x01" * len(content[65536:])
    path.write_bytes(content)
    return path


def connection(double: Double, **changes: Any) -> dict[str, Any]:
    """The option ``connection`` for a double."""
    return {
        "hostname": "127.0.0.1",
        "port": double.port,
        "password": double.password,
        "ca_file": str(double.certificate),
        **changes,
    }


def run(module_name: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run a module of library/ in this process; return what it answers, with ``failed`` in every case."""
    (path,) = (PROJECT / "library").rglob(f"{module_name}.py")
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    printed = io.StringIO()
    arguments |= {"_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), redirect_stdout(printed), suppress(SystemExit):
        module.main()
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return {"failed": False, **answer}
