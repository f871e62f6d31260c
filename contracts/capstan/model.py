"""What every manifest gives: layers of files, one command, and its environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contracts.images.container_image import ContainerImage


@dataclass(frozen=True)
class HostPath:
    """``host``, a file or directory beside the manifest, goes to ``guest``; ``key`` names it in messages.

    An optional one may be missing.
    """

    key: str
    guest: str
    host: str
    optional: bool = False


@dataclass(frozen=True)
class PackageFolder:
    """All of ``folder`` goes to the root, except paths that match ``ignored``, which start with ``/``."""

    key: str
    folder: Path
    ignored: re.Pattern[str]


@dataclass(frozen=True)
class PackageArchive:
    """All of the tar file ``path`` goes to the root, except its folder ``meta``."""

    key: str
    path: Path


@dataclass(frozen=True)
class Script:
    """The line ``text`` goes to the file ``guest``."""

    key: str
    guest: str
    text: str


@dataclass(frozen=True)
class ImageFiles:
    """All of the container image goes to the root."""

    key: str
    image: ContainerImage


Source = HostPath | PackageFolder | PackageArchive | Script | ImageFiles


@dataclass(frozen=True)
class Layer:
    """Sources that are staged together, no two with the same file. Later layers replace earlier ones."""

    name: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Manifest:
    """What one service consists of and how it is run.

    Attributes:
        path: the manifest's file; the service's folder is ``folder``.
        build: one command, split on white space, no shell, run in ``folder``; "" for none.
        layers: what is staged, in this order.
        cmdline: the program by its absolute guest path, and its arguments.
        env: environment that the program always needs.
        osv_cmdline_suffix: what only OSv needs after the command line.
        libraries: shared libraries that the program opens by name, so that nothing lists them.
        search: folders in which a program without a slash is searched when the image is staged.
        ports: TCP ports that a container image exposes.
        notices: what is not honoured; each names the key and the remedy.
    """

    path: Path
    folder: Path
    build: str
    layers: tuple[Layer, ...]
    cmdline: str
    env: Mapping[str, str]
    osv_cmdline_suffix: str = ""
    libraries: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    notices: tuple[str, ...] = field(default=())

    @property
    def files(self) -> dict[str, str]:
        """Guest path -> host path beside the manifest, of the Capstanfile's ``files``."""
        sources = [source for layer in self.layers for source in layer.sources]
        return {one.guest: one.host for one in sources if isinstance(one, HostPath) and one.guest != "/"}

    @property
    def image(self) -> ContainerImage | None:
        """The container image that it is made from."""
        sources = [source for layer in self.layers for source in layer.sources]
        return next((one.image for one in sources if isinstance(one, ImageFiles)), None)

    @property
    def program(self) -> str:
        """Absolute guest path of the program."""
        return self.cmdline.split(" ", maxsplit=1)[0]
