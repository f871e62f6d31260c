"""Filters that know where the project is, whatever the inventory and the current folder are."""

from __future__ import annotations

import hashlib
import importlib.util
import multiprocessing
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from ansible import constants, context
from ansible.errors import AnsibleFilterError
from ansible.plugins.loader import connection_loader

# Directly in this folder: without the settings of ansible.cfg, Ansible finds no filters in folders below it.
PROJECT = Path(__file__).resolve().parents[1]
SPECIAL_TAGS = frozenset({"all", "always", "never", "tagged", "untagged"})


def project_path(path: str) -> str:
    """Absolute form of ``path`` on the controller; a relative one is relative to the project's folder."""
    return str(PROJECT / Path(path).expanduser())


def role_default(role: str, name: str) -> Any:
    """The default of a variable of ``role``, for plays that run without the role.

    Raises AnsibleFilterError where the role has no such default.
    """
    path = PROJECT / "roles" / role / "defaults/main.yml"
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))[name]
    except (OSError, KeyError) as error:
        raise AnsibleFilterError(
            f"{path}: no default '{name}' ({error}). Remedy: name a variable of the role's defaults."
        ) from None


def source_path(source: str) -> str:
    """``source`` if it is empty or an address (with ``://``), else its ``project_path``."""
    return source if not source or "://" in source else project_path(source)


def checkout_name(prefix: str) -> str:
    """``prefix`` with a hash of the project's folder, so that two checkouts on one machine share no name.

    Twelve hexadecimal digits; a hash because namespaces and machines have names without a slash.
    """
    return f"{prefix}-{hashlib.sha256(str(PROJECT).encode()).hexdigest()[:12]}"


def controller_pid(_: str = "") -> int:
    """The process of the whole run: that of ansible-playbook, also where a worker of it asks."""
    parent = multiprocessing.parent_process()
    return parent.pid if parent and parent.pid else os.getpid()


def checked_run(playbook: str) -> str:
    """Return ``playbook``, if this run has the project's settings and packages, and tags that exist.

    Used where the first playbook is named, since Ansible resolves that name before it reads any other.

    Raises AnsibleFilterError where ansible.cfg is another one or none, where the Python packages of
    ``make setup`` are missing, and for unknown tags.
    """
    problem = (
        _settings_problem(constants.CONFIG_FILE)
        or _packages_problem()
        or _tags_problem(context.CLIARGS)
        or _control_path_problem(_control_path_dir())
    )
    if problem:
        raise AnsibleFilterError(problem)
    return playbook


def _settings_problem(found: str | None) -> str:
    wanted = PROJECT / "ansible.cfg"
    if found and Path(found).resolve() == wanted:
        return ""
    return (
        f"ansible.cfg: Ansible uses {found or 'none'}, and unilab needs the settings of {wanted}. "
        f"Remedy: run the command in {PROJECT}, or set ANSIBLE_CONFIG='{wanted}'; "
        "give further settings as ANSIBLE_... variables."
    )


def _packages_problem() -> str:
    missing = [name for name in ("contracts", "pydantic") if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    return (
        f"ansible-playbook: its Python has no package {' and no package '.join(missing)}. "
        f"Remedy: run make setup in {PROJECT}, and use .venv/bin/ansible-playbook."
    )


def _control_path_dir() -> Path:
    """The folder of the sockets through which ssh shares connections."""
    connection_loader.get("ssh", class_only=True)  # defines its settings
    value = constants.config.get_config_value("control_path_dir", plugin_type="connection", plugin_name="ssh")
    return Path(os.path.expandvars(value)).expanduser()


def _control_path_problem(folder: Path) -> str:
    """Whoever may write to that folder can put a socket of its own there, which our ssh would then use."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.stat()
    if facts.st_uid == os.geteuid() and not facts.st_mode & 0o022:
        return ""
    return (
        f"{folder}: key control_path_dir: the folder of ssh connections belongs to user {facts.st_uid} "
        f"with mode {facts.st_mode & 0o777:04o}, so others could use them. Remedy: remove it, "
        "or set HOME to a folder of the user that runs ansible-playbook."
    )


def _tags_problem(arguments: Any) -> str:
    known = known_tags()
    for option in ("tags", "skip_tags"):
        unknown = sorted(set(_tags(arguments.get(option))) - known - SPECIAL_TAGS)
        if unknown:
            return (
                f"--{option.replace('_', '-')}: unknown tag {', '.join(map(repr, unknown))}. "
                f"Remedy: give one of {', '.join(sorted(known))}."
            )
    return ""


def known_tags() -> set[str]:
    """Each role has a tag of its own name, and there are no others but those that Ansible gives a meaning."""
    return {path.name for path in (PROJECT / "roles").iterdir() if (path / "tasks").is_dir()}


def _tags(given: Iterable[str] | None) -> list[str]:
    return [tag.strip() for words in given or () for tag in words.split(",") if tag.strip()]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "project_path": project_path,
            "role_default": role_default,
            "source_path": source_path,
            "checkout_name": checkout_name,
            "checked_run": checked_run,
            "controller_pid": controller_pid,
        }
