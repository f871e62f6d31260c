from __future__ import annotations

from pathlib import Path

import pytest
from ansible.module_utils.unilab.lab.nspawn import Machine


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("unilab-client", "unilab-client"),
        ("umolecule-0657fec0ce49-docker_engine-engine", "umolecule-0657fec0ce49-docker-engine-engine"),
        ("a" * 63 + "-b", "a" * 63),
    ],
)
def test_registered_name_is_a_host_name(namespace: str, name: str) -> None:
    assert Machine("client", namespace, Path("/root"), Path("/directory")).registered_name == name
