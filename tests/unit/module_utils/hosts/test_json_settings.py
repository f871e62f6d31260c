from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.hosts import json_settings

FOREIGN = {
    "registry-mirrors": ["https://example.org"],
    "log-opts": {"max-size": "10m"},
    "debug": False,
}
SETTINGS = {"log-driver": "local", "log-opts": {"compress": "true"}, "debug": True}
# Not the form that json.dumps writes: the file must come back byte for byte.
FOREIGN_TEXT = '{"registry-mirrors":["https://example.org"],\n  "log-opts":{"max-size":"10m"},"debug":false}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "docker" / "daemon.json"


def _foreign(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(FOREIGN_TEXT)
    path.chmod(0o600)


def test_apply_merges_into_existing_file_and_keeps_its_mode(path: Path) -> None:
    _foreign(path)
    assert json_settings.apply(path, SETTINGS).changed
    assert json.loads(path.read_text()) == {
        "registry-mirrors": ["https://example.org"],
        "log-opts": {"max-size": "10m", "compress": "true"},
        "debug": True,
        "log-driver": "local",
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert json_settings.backup_of(path).read_text() == FOREIGN_TEXT


def test_apply_twice_changes_nothing(path: Path) -> None:
    _foreign(path)
    json_settings.apply(path, SETTINGS)
    text = path.read_text()
    change = json_settings.apply(path, SETTINGS)
    assert (change.changed, path.read_text()) == (False, text)
    assert json_settings.backup_of(path).read_text() == FOREIGN_TEXT


def test_apply_of_other_settings_undoes_the_earlier_ones(path: Path) -> None:
    _foreign(path)
    json_settings.apply(path, SETTINGS)
    json_settings.apply(path, {"log-driver": "json-file"})
    assert json.loads(path.read_text()) == {**FOREIGN, "log-driver": "json-file"}


def test_remove_restores_the_file_byte_for_byte(path: Path) -> None:
    _foreign(path)
    json_settings.apply(path, SETTINGS)
    assert json_settings.remove(path).changed
    assert path.read_text() == FOREIGN_TEXT
    assert [file.name for file in path.parent.iterdir()] == ["daemon.json"]
    assert not json_settings.remove(path).changed


def test_remove_keeps_what_others_changed_since(path: Path) -> None:
    _foreign(path)
    json_settings.apply(path, SETTINGS)
    edited = {**json.loads(path.read_text()), "log-driver": "journald", "ipv6": True}
    path.write_text(json.dumps(edited))
    json_settings.remove(path)
    assert json.loads(path.read_text()) == {**FOREIGN, "log-driver": "journald", "ipv6": True}


def test_remove_deletes_a_file_that_apply_created(path: Path) -> None:
    json_settings.apply(path, SETTINGS)
    assert json.loads(path.read_text()) == SETTINGS
    json_settings.remove(path)
    assert list(path.parent.iterdir()) == []


def test_check_writes_nothing(path: Path) -> None:
    _foreign(path)
    change = json_settings.apply(path, SETTINGS, check=True)
    assert change.changed and path.read_text() == FOREIGN_TEXT
    assert [file.name for file in path.parent.iterdir()] == ["daemon.json"]


def test_file_that_holds_the_settings_already_is_not_rewritten(path: Path) -> None:
    _foreign(path)
    change = json_settings.apply(path, {"debug": False})
    assert (change.before, path.read_text()) == (change.after, FOREIGN_TEXT)


@pytest.mark.parametrize("text", ['{"log-driver": "local",}', "[]", '"text"', "log-driver: local"])
def test_file_that_is_no_json_object_is_refused_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(LabError, match=r"daemon\.json: not .*JSON.* Remedy: "):
        json_settings.apply(path, SETTINGS)
    assert path.read_text() == text
