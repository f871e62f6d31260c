"""The same program and environment in each runtime's syntax."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from filter_plugins.command_lines.command_line import linux_command_line, osv_command_line

ENVIRONMENT = {"UNILAB_NONCE": "abc", "PYTHONHOME": "/usr"}


def test_linux_gets_environment_as_words_and_the_program_after_the_dashes() -> None:
    line = linux_command_line("/usr/bin/python3 /app/server.py", ENVIRONMENT, "10.0.0.9/24", "10.0.0.1")
    before, after = line.split(" -- ")
    assert after == "/usr/bin/python3 /app/server.py"
    assert {"UNILAB_NONCE=abc", "PYTHONHOME=/usr", "UNILAB_IP=10.0.0.9/24"} <= set(before.split())


def test_osv_gets_options_before_the_program() -> None:
    line = osv_command_line("/app/server !", ENVIRONMENT, "10.0.0.9/25", "10.0.0.1")
    assert line.endswith(" --env=PYTHONHOME=/usr /app/server !")
    assert "--ip=eth0,10.0.0.9,255.255.255.128 --defaultgw=10.0.0.1" in line


def test_osv_takes_further_options_before_the_program() -> None:
    line = osv_command_line("/app/server", {}, "10.0.0.9/24", "10.0.0.1", ["--bootchart"])
    assert line.index("--bootchart") < line.index("/app/server")


@pytest.mark.parametrize("of", [linux_command_line, osv_command_line])
def test_white_space_is_refused_by_name(of) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnsibleFilterError, match="UNILAB_NONCE"):
        of("/app/server", {"UNILAB_NONCE": "a b"}, "10.0.0.9/24", "10.0.0.1")


def test_backslash_in_a_value_is_escaped_for_osv_alone() -> None:
    environment = {"PATTERN": r"\d"}
    assert r"--env=PATTERN=\\d " in osv_command_line("/a", environment, "10.0.0.9/24", "10.0.0.1")
    assert r" PATTERN=\d " in linux_command_line("/a", environment, "10.0.0.9/24", "10.0.0.1")
