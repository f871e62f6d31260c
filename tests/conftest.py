"""Make `ansible.module_utils.unilab` importable in tests, as Ansible does for modules."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

PROJECT = Path(__file__).resolve().parent.parent

ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))
