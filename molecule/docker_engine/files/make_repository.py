"""Write an empty signed repository of apt: make_repository.py FOLDER SUITE. Prints the key's fingerprint."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from pysequoia import SignatureMode, Tsk, sign


def main() -> None:
    """Write the files, each new: an earlier key is not used again."""
    folder, suite = Path(sys.argv[1]), sys.argv[2]
    key = Tsk.generate("Signer of a repository")
    packages = Path("stable/binary-amd64/Packages")
    (folder / "dists" / suite / packages).parent.mkdir(parents=True, exist_ok=True)
    (folder / "dists" / suite / packages).write_bytes(b"")
    release = "\n".join(
        [
            f"Suite: {suite}",
            f"Codename: {suite}",
            "Components: stable",
            "Architectures: amd64",
            "Date: Thu, 01 Jan 2026 00:00:00 UTC",
            "SHA256:",
            f" {hashlib.sha256(b'').hexdigest()} 0 {packages}",
            "",
        ]
    )
    signed = sign(key.signer(), release.encode(), mode=SignatureMode.CLEAR)
    (folder / "dists" / suite / "InRelease").write_bytes(signed)
    certificate = key.extract_certificate()
    (folder / "gpg").write_text(str(certificate))
    print(certificate.fingerprint.upper())


if __name__ == "__main__":
    main()
