"""OSv's boot command, as manifests carry it, brought down to what every runtime can be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.boot_command import boot_command, checked_env
from contracts.errors import InputError

FILE = Path("Capstanfile")


@pytest.mark.parametrize(
    ("text", "cmdline", "env", "suffix"),
    [
        ("/app/server", "/app/server", {}, ""),
        ("  /app/server\n  -p 1 \n", "/app/server -p 1", {}, ""),
        ("/app/server -p 1;", "/app/server -p 1", {}, ""),
        ("/jre/bin/java -jar /a.jar !", "/jre/bin/java -jar /a.jar", {}, " !"),
        ("/app/server &!", "/app/server", {}, " &!"),
        ("--env=HOME=/ --env=A=b=c /app/server", "/app/server", {"HOME": "/", "A": "b=c"}, ""),
        ("--env=A=1 --env=A?=2 --env=B?=3 /app/server", "/app/server", {"A": "1", "B": "3"}, ""),
        ('/app/server "/etc/a.conf"', "/app/server /etc/a.conf", {}, ""),
        (r"/app/server a\=b", "/app/server a=b", {}, ""),
        ("./server", "/server", {}, ""),
        ("bin/../server", "/server", {}, ""),
        ("../../server", "/server", {}, ""),
        ("/app//server", "/app/server", {}, ""),
    ],
)
def test_what_is_said_to_every_runtime(text: str, cmdline: str, env: dict[str, str], suffix: str) -> None:
    found = boot_command(FILE, "cmdline", text, {})
    assert (found.cmdline, found.env, found.osv_suffix) == (cmdline, env, suffix)
    assert found.notices == ()


def test_variables_are_filled_in_as_osv_does() -> None:
    variables = {"MAIN": "/a.jar", "ARGS": "-p 1", "EMPTY": ""}
    text = "--env=OWN=x /java -Down=$OWN $MAIN $ARGS $EMPTY"
    found = boot_command(FILE, "cmdline", text, variables)
    assert found.cmdline == "/java -Down=x /a.jar -p 1"
    assert found.notices == ()


@pytest.mark.parametrize(
    ("text", "cmdline", "notice"),
    [
        ("--cwd=/srv /server", "/server", "--cwd=/srv is left out"),
        ("--cwd=/srv ./server", "/srv/server", "--cwd=/srv is left out"),
        ("--maxnic=0 /server", "/server", "--maxnic=0 is left out"),
        ("--verbose /server", "/server", "--verbose is left out"),
        ("/server $NOBODY", "/server", "$NOBODY is not set"),
        ('/server -Dx="y"', "/server -Dx=y", '" within a word is left out'),
        ("java.so -jar a.jar", "/java.so -jar a.jar", "'java.so' has no path: taken for /java.so"),
    ],
)
def test_what_cannot_be_honoured_is_told_by_name(text: str, cmdline: str, notice: str) -> None:
    found = boot_command(FILE, "cmdline", text, {})
    assert found.cmdline == cmdline
    [told] = found.notices
    assert told.startswith("cmdline: ")
    assert notice in told


def test_a_program_without_a_path_is_looked_for_where_osv_does() -> None:
    found = boot_command(FILE, "cmdline", "tool.so", {}, {"/usr/lib/tool.so"})
    assert found.cmdline == "/usr/lib/tool.so"
    both = boot_command(FILE, "cmdline", "tool.so", {}, {"/usr/lib/tool.so", "/tool.so"})
    assert both.cmdline == "/tool.so"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names no program"),
        (" ; ", "names no program"),
        ("--env=A=1", "names no program"),
        ("/one; /two", "starts 2 programs"),
        ("/one & /two !", "starts 2 programs"),
        ('/server "two words"', "cannot carry the word 'two words'"),
        ('/server ""', "cannot carry the word ''"),
        ('/server "a;b"', "the word 'a;b' cannot be said to OSv, Linux and Docker alike"),
        ('/server "open', "cannot be read from '\"open' on"),
        ("--env=NAME /server", "--env=NAME sets nothing"),
        ("--env=9=x /server", "not a variable's name"),
        ("$EMPTY", "'$EMPTY' stands for nothing"),
    ],
)
def test_what_no_runtime_could_start_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        boot_command(FILE, "cmdline", text, {"EMPTY": ""})
    assert problem in str(caught.value)
    assert caught.value.key.startswith("cmdline")


def test_environment_that_a_command_line_cannot_carry_is_refused() -> None:
    assert checked_env(FILE, "env", {"A": "1"}) == {"A": "1"}
    with pytest.raises(InputError, match=r"key env\.A: a boot command line cannot carry white space"):
        checked_env(FILE, "env", {"A": "1 2"})
    with pytest.raises(InputError, match=r"key env\.A-B: not a variable's name"):
        checked_env(FILE, "env", {"A-B": "1"})
