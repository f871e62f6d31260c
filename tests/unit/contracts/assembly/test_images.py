"""What image roles report, from the results of the modules that packed the images."""

from __future__ import annotations

from typing import Any

from contracts.assembly.images import Image, docker_images, linux_boot_images, linux_images, osv_images

TREE = {
    "artifact_sha256": "a" * 64,
    "cmdline": "/app/server",
    "env": {"A": "b"},
    "osv_cmdline_suffix": " !",
    "tree": "/trees/todos-go",
}
ITEM = {"key": "todos-go", "value": TREE}
RANGES: dict[str, list[str]] = {"kernel": ["0x40-0x80"], "idle": []}
LOADER = "0123456789abcdef" * 4


def packed(**result: Any) -> dict[str, Any]:
    return {"item": ITEM, "sha256": "b" * 64, "bytes": 9, "changed": True, **result}


def checked(images: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The one image, which the role trial accepts and which has its program."""
    image = images["todos-go"]
    assert Image.model_validate(image).model_dump(include=set(image)) == image
    program = {"artifact_sha256": "a" * 64, "cmdline": "/app/server", "env": {"A": "b"}}
    assert program.items() <= image.items() and {"sha256": "b" * 64, "bytes": 9}.items() <= image.items()
    return image


def test_container() -> None:
    image = checked(docker_images([packed(name="unilab/todos-go:aaaa", image_id="sha256:1")]))
    assert (image["name"], image["image_id"]) == ("unilab/todos-go:aaaa", "sha256:1")
    assert checked(docker_images([packed(name="x")]))["image_id"] == ""


def test_linux_with_a_kernel() -> None:
    kernel = {"kernel": "/images/k", "release": "6.1", "kernel_sha256": "k" * 64, "initrd": "/images/i"}
    image = checked(linux_images([packed(path="/build/todos-go.squashfs")], kernel, "/images"))
    assert image["path"] == "/images/todos-go.squashfs" and image["boot"] == "kernel"
    assert (image["kernel"], image["initrd"], image["kernel_release"]) == ("/images/k", "/images/i", "6.1")


def test_linux_disk_that_boots_by_itself() -> None:
    disk = {"disk": packed(path="/build/x"), "path": "/images/todos-go.linux.raw", "release": "6.1"}
    image = checked(linux_boot_images([disk | {"sha256": "b" * 64, "bytes": 9, "kernel_sha256": "k" * 64}]))
    assert (image["path"], image["boot"], image["kernel"]) == ("/images/todos-go.linux.raw", "disk", "")


def test_osv_with_a_kernel_beside_the_disk_or_within() -> None:
    row = packed(path="/build/todos-go.osv.raw", loader_sha256=LOADER)
    image = checked(osv_images([row | {"boot": "kernel"}], "/images", RANGES))
    assert image["counting"] == RANGES
    assert image["path"] == "/images/todos-go.osv.raw" and image["kernel"] == "/images/osv-0123456789ab.elf"
    assert image["kernel_release"] == "OSv, loader 0123456789ab" and image["osv_cmdline_suffix"] == " !"
    assert checked(osv_images([row | {"boot": "disk"}], "/images", {}))["kernel"] == ""


def test_nothing_packed_is_no_image() -> None:
    assert docker_images([]) == linux_images([], {}, "/") == {}
    assert linux_boot_images([]) == osv_images([], "/", {}) == {}


def test_further_keys_of_an_image_are_kept() -> None:
    image = osv_images([packed(path="/x", loader_sha256=LOADER, boot="disk")], "/images", {})["todos-go"]
    assert Image.model_validate(image | {"more": 1}).model_dump()["more"] == 1
