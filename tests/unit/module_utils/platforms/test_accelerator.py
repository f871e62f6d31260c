"""KVM is believed only where a kernel spoke under it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible.module_utils.unilab.errors import LabError
from ansible.module_utils.unilab.platforms import accelerator


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(accelerator.os, "access", lambda *_: True)
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"kernel")
    return path


def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    path = tmp_path / "qemu"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setattr(accelerator, "PROGRAM", str(path))


def test_a_kernel_that_speaks_proves_kvm(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator(tmp_path, monkeypatch, "echo 'Linux version 6.1'; exec sleep 30")
    began_s = time.monotonic()
    assert accelerator.probe(kernel, timeout_s=20).name == "kvm"
    assert time.monotonic() - began_s < 15


@pytest.mark.parametrize("script", ["echo 'Booting from ROM..'; exec sleep 30", "exit 1"])
def test_one_that_hangs_or_fails_is_tcg(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    emulator(tmp_path, monkeypatch, script)
    verdict = accelerator.probe(kernel, timeout_s=0.5)
    assert verdict.name == "tcg" and "said nothing" in verdict.why


def test_without_the_device_there_is_nothing_to_try(
    tmp_path: Path, kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerator.os, "access", lambda *_: False)
    assert accelerator.probe(kernel, 1).name == "tcg"
    with pytest.raises(LabError, match="does not exist"):
        accelerator.probe(tmp_path / "nothing", 1)
