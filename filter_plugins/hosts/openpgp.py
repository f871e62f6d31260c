"""Fingerprints of OpenPGP keys, by Sequoia."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from pysequoia import Cert


def openpgp_fingerprints(content: str) -> list[str]:
    """Fingerprint of every key in a key file, in upper case.

    ``content`` is the file in Base64, as the module slurp returns it; the file may be armored or binary.
    Raises AnsibleFilterError where it holds no key.
    """
    try:
        keys = Cert.split_bytes(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError) as error:
        raise AnsibleFilterError(
            f"no Base64: {error}. Remedy: give the content that slurp returns."
        ) from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise AnsibleFilterError(
            f"no OpenPGP key: {reason}. Remedy: give the file of a public key."
        ) from None
    if not keys:
        raise AnsibleFilterError("no OpenPGP key: empty. Remedy: give a public key.")
    return [key.fingerprint.upper() for key in keys]


class FilterModule:
    """The class that Ansible looks up."""

    def filters(self) -> dict[str, Callable[[str], list[str]]]:
        """Name the filters."""
        return {"openpgp_fingerprints": openpgp_fingerprints}
