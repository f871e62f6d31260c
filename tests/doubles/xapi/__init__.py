"""A double of XAPI: it checks every call against XAPI's data model and boots the uploaded disks.

    python -m tests.doubles.xapi up --directory DIR     a server in the background; see __main__.py
    Double(directory, backend).start()                  the same within a test; see server.py

docs/xenserver.md lists which parts of a XenServer it replaces, and which it does not.
"""

from pathlib import Path

import ansible.module_utils

PROJECT = Path(__file__).resolve().parents[3]

# Ansible makes them importable for modules in the same way.
if str(PROJECT / "module_utils") not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(str(PROJECT / "module_utils"))
