"""The reader of manifests; the forms themselves are in ``contracts.capstan``."""

from contracts.capstan.manifest import (
    CAPSTANFILE,
    ROOTFS,
    HostPath,
    Layer,
    Manifest,
    PackageArchive,
    PackageFolder,
    Script,
    Source,
    host_path,
    load_manifest,
)

__all__ = [
    "CAPSTANFILE",
    "ROOTFS",
    "HostPath",
    "Layer",
    "Manifest",
    "PackageArchive",
    "PackageFolder",
    "Script",
    "Source",
    "host_path",
    "load_manifest",
]
