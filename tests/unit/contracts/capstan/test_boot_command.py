"""OSv's boot command, as manifests contain it, as one program that every runtime can start."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.capstan.boot_command import BootCommand, boot_command, checked_env, script_variables
from contracts.errors import InputError

FILE = Path("Capstanfile")


def script(text: str, **variables: str) -> BootCommand:
    return boot_command(FILE, "bootcmd", text, variables, is_script=True)


@pytest.mark.parametrize("is_script", [False, True])
@pytest.mark.parametrize(
    ("text", "cmdline", "env", "suffix"),
    [
        ("/app/server", "/app/server", {}, ""),
        ("  /app/server   -p 1 \n", "/app/server -p 1", {}, ""),
        ("/app/server -p 1;", "/app/server -p 1", {}, ""),
        ("/jre/bin/java -jar /a.jar !", "/jre/bin/java -jar /a.jar", {}, " !"),
        ("/app/server &!", "/app/server", {}, " &!"),
        ("--env=HOME=/ --env=A=b=c /app/server", "/app/server", {"HOME": "/", "A": "b=c"}, ""),
        ("--env=A=1 --env=A?=2 --env=B?=3 /app/server", "/app/server", {"A": "1", "B": "3"}, ""),
        ("--env=EMPTY= /app/server", "/app/server", {"EMPTY": ""}, ""),
        ('/app/server "/etc/a.conf"', "/app/server /etc/a.conf", {}, ""),
        ("./server", "/server", {}, ""),
        ("bin/../server", "/server", {}, ""),
        ("../../server", "/server", {}, ""),
        ("/app//server", "/app/server", {}, ""),
    ],
)
def test_same_command_for_every_runtime(
    text: str, cmdline: str, env: dict[str, str], suffix: str, is_script: bool
) -> None:
    found = boot_command(FILE, "cmdline", text, {}, is_script=is_script)
    assert (found.cmdline, found.env, found.osv_suffix) == (cmdline, env, suffix)
    assert found.notices == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"/a x\=y", r"/a x\=y"),  # only abfnrtv\'" are escaped
        (r"/a \d+", r"/a \d+"),
        (r"/a it\'s", "/a it's"),
        (r"/a x\ y", r"/a x\ y"),  # a space ends a word all the same
        (r'/a "x\'y"', "/a x'y"),
        ('/a "x"y', "/a x y"),  # OSv's parser ends a word at a closing quote
        ("/a 'x y'", "/a 'x y'"),  # single quotes quote nothing
    ],
)
def test_escapes_and_quotes_are_those_of_osv(text: str, words: str) -> None:
    assert boot_command(FILE, "cmdline", text, {}).cmdline == words


@pytest.mark.parametrize(
    "text", [r"/bin/echo \nSkip init.", r'/bin/echo "\nSkip" init.', r"/bin/echo \a\rSkip init."]
)
def test_control_characters_of_escapes_are_left_out_with_a_notice(text: str) -> None:
    if '"' in text:
        with pytest.raises(InputError, match="empty or with white space"):
            script(text)
        return
    found = script(text)
    assert found.cmdline == "/bin/echo Skip init."
    [notice] = found.notices
    assert "control characters of the word" in notice
    assert "Remedy: " in notice


def test_options_of_the_kernel_are_escaped_by_any_backslash() -> None:
    found = boot_command(FILE, "cmdline", r"--env=A=b\=c\;d /a", {})
    assert found.env == {"A": "b=c;d"}


def test_options_of_a_script_are_words() -> None:
    assert script(r'"--env=A=b;c" --env=D=\\e /a').env == {"A": "b;c", "D": r"\e"}


def test_variables_are_filled_in_as_osv_does() -> None:
    variables = {"MAIN": "/a.jar", "ARGS": "-p 1", "EMPTY": ""}
    text = "--env=OWN=x /java -Down=$OWN $MAIN $ARGS $EMPTY"
    found = boot_command(FILE, "cmdline", text, variables)
    assert found.cmdline == "/java -Down=x /a.jar -p 1"
    assert found.notices == ()


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ("--env=URL=http://h:$PORT /a", {"URL": "http://h:9001"}),
        ("--env=A=1 --env=B=$A /a", {"A": "1", "B": "1"}),
        ("--env=PORT=1 --env=URL=$PORT /a", {"PORT": "1", "URL": "1"}),
        ("--env=PORT?=1 --env=URL?=$PORT /a", {"URL": "9001"}),
        ("--env=PORT=1$PORT /a", {"PORT": "19001"}),
    ],
)
def test_script_fills_in_values_of_its_options(text: str, env: dict[str, str]) -> None:
    found = script(text, PORT="9001")
    assert found.env == env
    assert found.notices == ()


def test_kernel_leaves_values_of_its_options_as_written() -> None:
    found = boot_command(FILE, "cmdline", "--env=URL=http://h:$PORT /a", {"PORT": "9001"})
    assert found.env == {"URL": "http://h:$PORT"}
    [notice] = found.notices
    assert notice.startswith("cmdline: the value of URL stays 'http://h:$PORT'")
    assert "Remedy: " in notice


@pytest.mark.parametrize(
    ("values", "filled", "notices"),
    [
        ({"URL": "http://h:$PORT", "PORT": "1"}, {"URL": "http://h:1", "PORT": "1"}, 0),
        ({"A": "a$B", "B": "b$C", "C": "c"}, {"A": "abc", "B": "bc", "C": "c"}, 0),
        ({"STORE": "$STORE"}, {"STORE": ""}, 1),
        ({"A": "x$B"}, {"A": "x"}, 1),
        ({"A": "x$B", "B": "$A"}, {"A": "x", "B": ""}, 1),
        ({"A": "${B}", "B": "1"}, {"A": "", "B": "1"}, 1),  # OSv has no braces
        ({"A": "$B/$C", "B": "1", "C": "2"}, {"A": "", "B": "1", "C": "2"}, 1),  # nor a second variable
        ({"A": "5$"}, {"A": "5"}, 1),
    ],
)
def test_values_of_a_set_are_filled_in(values: dict[str, str], filled: dict[str, str], notices: int) -> None:
    found, reported = script_variables("config_set.default.env", values)
    assert found == filled
    assert len(reported) == notices
    assert all(one.startswith("config_set.default.env.") and "Remedy: set " in one for one in reported)


def test_long_chains_of_values_are_filled_in() -> None:
    values = {f"V{number}": f"$V{number + 1}" for number in range(5000)} | {"V5000": "end"}
    assert script_variables("env", values)[0]["V0"] == "end"


@pytest.mark.parametrize(
    ("text", "cmdline", "notice"),
    [
        ("--cwd=/srv /server", "/server", "--cwd=/srv is omitted"),
        ("--cwd=/srv ./server", "/srv/server", "--cwd=/srv is omitted"),
        ("--maxnic=0 /server", "/server", "--maxnic=0 is omitted"),
        ("--verbose /server", "/server", "--verbose is omitted"),
        ("/server $NOBODY", "/server", "$NOBODY in the word $NOBODY is not set"),
        ('/server -Dx="y"', "/server -Dx=y", '" in the word -Dx="y" is omitted'),
        ("java.so -jar a.jar", "/java.so -jar a.jar", "'java.so' has no path: taken for /java.so"),
        ("/java.so\n-jar\ta.jar", "/java.so -jar a.jar", "tabs and line breaks are read as spaces"),
    ],
)
def test_notice_names_key_and_remedy(text: str, cmdline: str, notice: str) -> None:
    found = boot_command(FILE, "cmdline", text, {})
    assert found.cmdline == cmdline
    [reported] = found.notices
    assert reported.startswith("cmdline: ")
    assert notice in reported
    assert "Remedy: " in reported


def test_program_without_a_path_is_searched_where_osv_does() -> None:
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
        ("/one -f=^(?!x)", "starts 2 programs"),  # OSv ends a program at any ! outside of quotes
        ('/server "two words"', "cannot carry the word 'two words'"),
        ('/server ""', "cannot carry the word ''"),
        ('/server "a;b"', "the word 'a;b' cannot be given to OSv, Linux and Docker alike"),
        (r"/server a\\b", r"the word 'a\b' cannot be given to OSv"),
        ('/server "open', "cannot be read from '\"open' on"),
        ("--env=NAME /server", "--env=NAME sets nothing"),
        ("--env=9=x /server", "not a variable's name"),
        (r"--env=A=x\ y /server", "white space"),
        ("$EMPTY", "'$EMPTY' stands for nothing"),
    ],
)
def test_commands_that_no_runtime_could_start_are_refused(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        boot_command(FILE, "cmdline", text, {"EMPTY": ""})
    assert problem in str(caught.value)
    assert caught.value.key.startswith("cmdline")


def test_script_of_several_lines_is_refused() -> None:
    with pytest.raises(InputError, match="has 2 lines, each of which OSv runs as a command of its own"):
        script("/one\n/two\n")


def test_environment_that_a_command_line_cannot_carry_is_refused() -> None:
    assert checked_env(FILE, "env", {"A": "1"}) == {"A": "1"}
    for value in ("1 2", "1\n", "1\t", "\x01", "\u00a0"):
        with pytest.raises(InputError, match=r"key env\.A: a boot command line cannot carry white space"):
            checked_env(FILE, "env", {"A": value})
    with pytest.raises(InputError, match=r"key env\.A-B: not a variable's name"):
        checked_env(FILE, "env", {"A-B": "1"})
