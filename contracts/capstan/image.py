"""A Capstanfile with the key ``from``: the program and its files come from a container image."""

from __future__ import annotations

import posixpath
from pathlib import Path

from contracts.capstan.boot_command import boot_command, checked_env
from contracts.capstan.capstanfile import Capstanfile, host_paths
from contracts.capstan.model import ImageFiles, Layer, Manifest
from contracts.errors import InputError
from contracts.images.container_image import ContainerImage, read_container_image

_REGISTRY = "docker:"


def of_image(path: Path, read: Capstanfile) -> Manifest:
    """The manifest of the Capstanfile ``path``, whose key ``from`` names an image. Raises InputError."""
    image = read_container_image(_archive(path, read.image))
    env, notices = _environment(path, read, image)
    sources = host_paths(read)
    suffix = read.osv_cmdline_suffix
    if read.cmdline:
        command = boot_command(path, "cmdline", read.cmdline, env, {source.guest for source in sources})
        cmdline, env = command.cmdline, env | command.env
        notices += command.notices
        suffix = suffix or command.osv_suffix
    else:
        cmdline = _command(path, image)
    return Manifest(
        path=path,
        folder=path.parent,
        build=read.build,
        layers=(Layer("the image", (ImageFiles("from", image),)), Layer("the manifest", tuple(sources))),
        cmdline=cmdline,
        env=env,
        osv_cmdline_suffix=suffix,
        libraries=tuple(read.libraries),
        search=image.search,
        ports=image.ports,
        notices=(*_image_notices(image), *notices),
    )


def _archive(path: Path, name: str) -> Path:
    if name.startswith(_REGISTRY):
        reference = name.removeprefix(_REGISTRY)
        problem = "images are read from archives only, not from a registry"
        remedy = f"run `docker image save -o image.tar {reference}` and write 'from: image.tar'"
        raise InputError(path, "from", problem, remedy)
    archive = path.parent / name
    if not archive.is_file():
        problem = f"'{name}' is no file" if archive.exists() else f"'{name}' does not exist"
        raise InputError(path, "from", problem, "name an archive of `docker image save` or of an OCI layout")
    return archive


def _environment(path: Path, read: Capstanfile, image: ContainerImage) -> tuple[dict[str, str], list[str]]:
    """The image's environment and the manifest's, which replaces it; notices of values that are omitted."""
    env: dict[str, str] = {}
    notices: list[str] = []
    own = checked_env(path, "env", read.env)
    for name, value in image.env.items():
        if name in own:
            continue
        try:
            env |= checked_env(path, "env", {name: value})
        except InputError as error:
            notices.append(
                f"from: the image's variable {name} is omitted: {error.problem}. "
                f"Remedy: set {name} under 'env' where the program needs it"
            )
    return env | own, notices


def _command(path: Path, image: ContainerImage) -> str:
    """The image's entry point and command as one command line. Raises InputError where none can carry it."""
    if not image.words:
        raise InputError(path, "from", "the image names no program", "write the program under 'cmdline'")
    for word in image.words:
        # The same words as OSv's parser and a Linux kernel leave alone.
        if not word or not word.isprintable() or any(character in word for character in ' ;&!$"\\'):
            problem = f"a kernel's command line cannot carry the image's word '{word}'"
            remedy = "write the program and its arguments under 'cmdline'; a file can carry the others"
            raise InputError(path, "from", problem, remedy)
    program, *arguments = image.words
    if "/" in program:
        program = "/" + posixpath.normpath(posixpath.join("/", image.working_dir, program)).lstrip("/")
    return " ".join([program, *arguments])


def _image_notices(image: ContainerImage) -> list[str]:
    notices = []
    if image.working_dir not in ("", "/"):
        notices.append(
            f"from: the working directory {image.working_dir} is omitted: every runtime starts in /. "
            "Remedy: use absolute paths in 'cmdline' and in the program's configuration"
        )
    if image.user not in ("", "0", "root", "0:0", "root:root"):
        notices.append(
            f"from: the user {image.user} is omitted: programs run as root in every runtime. "
            "Remedy: none is needed unless the program refuses to run as root"
        )
    return notices
