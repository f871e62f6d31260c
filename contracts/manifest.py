"""The reader of manifests; the forms themselves are in ``contracts.capstan``."""

from contracts.capstan.capstanfile import ROOTFS
from contracts.capstan.manifest import CAPSTANFILE, host_path, load_manifest
from contracts.capstan.model import (
    HostPath,
    ImageFiles,
    Layer,
    Manifest,
    PackageArchive,
    PackageFolder,
    Script,
    Source,
)

__all__ = [
    "CAPSTANFILE",
    "ROOTFS",
    "HostPath",
    "ImageFiles",
    "Layer",
    "Manifest",
    "PackageArchive",
    "PackageFolder",
    "Script",
    "Source",
    "host_path",
    "load_manifest",
]
