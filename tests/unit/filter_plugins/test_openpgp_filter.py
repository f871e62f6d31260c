from __future__ import annotations

import base64

import pytest
from ansible.errors import AnsibleFilterError
from pysequoia import Cert, Tsk

from filter_plugins.hosts.openpgp import openpgp_fingerprints


def _slurped(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def keys() -> list[Cert]:
    return [Tsk.generate(f"Key {number}").extract_certificate() for number in (1, 2)]


@pytest.mark.parametrize("form", [lambda key: str(key).encode(), bytes], ids=["armored", "binary"])
def test_every_key_of_a_file_is_listed(form: type[bytes], keys: list[Cert]) -> None:
    content = b"".join(form(key) for key in keys)
    assert openpgp_fingerprints(_slurped(content)) == [key.fingerprint.upper() for key in keys]


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"])
def test_file_without_a_key_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^no OpenPGP key: [^\n]*Remedy: [^\n]*$"):
        openpgp_fingerprints(_slurped(content))


def test_text_that_is_no_base64_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^no Base64: "):
        openpgp_fingerprints("-----BEGIN PGP")
