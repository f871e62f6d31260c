"""Filters from study, images and hosts to a trial that tasks can run; contracts/assembly decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from pydantic import ValidationError

from contracts.arms import arm_named
from contracts.assembly import images, load, sources, start, trial
from contracts.errors import InputError
from contracts.plan import PlannedTrial
from contracts.study import Study
from contracts.workload import WORKLOADS, workload_of

PROJECT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]
Results = Sequence[Mapping[str, Any]]


def assembled_trial(
    planned: Json, campaign: Json, study: Json, host_variables: Mapping[str, Any], settings: Json
) -> Json:
    """The trial as the role's tasks take it, see ``contracts.assembly.trial``.

    Args:
        planned: one of the module campaign's trials or pilots.
        campaign: what that module returned.
        study: what the module study returned as ``study``, its load with the warm-up of this cell.
        host_variables: of the host that runs the instance.
        settings: ``contracts.assembly.start.Settings``.

    Raises AnsibleFilterError that names host, key and remedy.
    """
    return _checked(lambda: _assembled(planned, campaign, study, host_variables, settings))


def _assembled(
    planned: Json, campaign: Json, study: Json, host_variables: Mapping[str, Any], settings: Json
) -> Json:
    one = PlannedTrial.model_validate({key: sources.plain(planned[key]) for key in PlannedTrial.model_fields})
    facts = trial.CampaignFacts.model_validate(sources.plain(campaign))
    given = start.Settings.model_validate(sources.plain(settings))
    workload, arm = workload_of(one.cell.service), arm_named(one.cell.arm)
    image = sources.image_of(
        given.host, host_variables, trial.image_fact(arm), trial.image_key(arm, one.cell.service)
    )
    return trial.assemble(
        trial.Sources(
            planned=one,
            folder=planned["directory"],
            campaign=facts,
            study=Study.model_validate(sources.plain(study)),
            settings=given,
            host=sources.host_variables(given.host, host_variables),
            image=images.Image.model_validate(image),
            response=sources.first_response(PROJECT, workload),
            ceiling_per_s=sources.ceiling_per_s(Path(facts.directory), workload),
        )
    )


def calibration(workload: str, campaign: Json, study: Json, load_dir: str) -> Json:
    """The ``command`` that calibrates a client for ``workload``, and the ``output`` folder of its result."""

    def made() -> Json:
        known, wanted = WORKLOADS[workload], Study.model_validate(sources.plain(study))
        values = wanted.parameters_of(workload)
        output = trial.output_folder(campaign["name"], f"calibration-{workload}")
        command = load.calibration_command(wanted.load[workload], known, values, load_dir, output)
        return {"command": command, "output": output}

    return _checked(made)


def load_step(run: Mapping[str, Any], fetched: Results, directory: str) -> Json:
    """What the load's steps came to, as ``contracts.outcome`` takes it: ``produced`` and ``msg``.

    ``run`` is the result of the load's command, ``fetched`` are those of fetching its files to ``directory``.
    A file that was there before and was not fetched does not count.
    """
    arrived = [row["item"] for row in fetched if "dest" in row and not row.get("failed")]
    return load.load_step(sources.plain(run), arrived, Path(directory))


def docker_images(packed: Results) -> images.Images:
    """Service to image, from the results of docker_archive."""
    return images.docker_images(sources.plain(packed))


def linux_images(packed: Results, kernel: Mapping[str, Any], folder: str) -> images.Images:
    """Service to image, from the results of linux_disk and linux_boot; ``folder`` is on the host."""
    return images.linux_images(sources.plain(packed), sources.plain(kernel), folder)


def linux_roots(packed: Results, folder: str) -> images.Images:
    """Service to root file system, from the results of linux_disk; ``folder`` is on the host."""
    return images.linux_roots(sources.plain(packed), folder)


def linux_boot_images(disks: Results) -> images.Images:
    """Service to disk that boots by itself, from the results of linux_boot_disk."""
    return images.linux_boot_images(sources.plain(disks))


def osv_images(packed: Results, folder: str, ranges: Mapping[str, Any]) -> images.Images:
    """Service to image with OSv, from the results of capstan_image; ``folder`` is on the host."""
    return images.osv_images(sources.plain(packed), folder, sources.plain(ranges))


def _checked(made: Callable[[], Json]) -> Json:
    try:
        return made()
    except InputError as error:
        raise AnsibleFilterError(str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise AnsibleFilterError(f"{error.title}: key {key}: {first['msg']}") from None


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name the filters."""
        return {
            "assembled_trial": assembled_trial,
            "calibration": calibration,
            "load_step": load_step,
            "docker_images": docker_images,
            "linux_images": linux_images,
            "linux_boot_images": linux_boot_images,
            "linux_roots": linux_roots,
            "osv_images": osv_images,
        }
