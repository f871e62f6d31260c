"""mypy sees our own modules under the name that Ansible gives them: a misspelt call fails `make lint`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

CALLS = {
    "a function of module_utils that does not exist": (
        "from ansible.module_utils.unilab.platforms import qemu\n\nqemu.start_guest()\n",
        'Module has no attribute "start_guest"',
    ),
    "a method of AnsibleModule that does not exist": (
        "from ansible.module_utils.basic import AnsibleModule\n\nAnsibleModule({}).exit_jsn()\n",
        '"AnsibleModule" has no attribute "exit_jsn"',
    ),
    "an argument of a wrong type": (
        "from ansible.module_utils.unilab.images.osv.command_line import set_command_line\n\n"
        "set_command_line('disk.raw', 'text')\n",
        'Argument 1 to "set_command_line" has incompatible type "str"',
    ),
}


@pytest.mark.parametrize("mistake", CALLS)
def test_mypy_reports_a_wrong_call_of_our_own_modules(mistake: str, tmp_path: Path) -> None:
    source, message = CALLS[mistake]
    module = tmp_path / "wrong_call.py"
    module.write_text(source)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", PROJECT / "pyproject.toml", module],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    assert message in checked.stdout


def test_lint_checks_the_folder_of_modules() -> None:
    """What mypy is configured to check holds library/ and module_utils/."""
    import tomllib

    files = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]["files"]
    assert {"library", "typings/ansible/module_utils/unilab"} <= set(files)
    assert (PROJECT / "typings/ansible/module_utils/unilab").resolve() == PROJECT / "module_utils/unilab"
