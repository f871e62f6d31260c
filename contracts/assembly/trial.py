"""One trial: what is started, how it is loaded, and what its record knows in advance."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.arms import Arm, arm_named
from contracts.assembly.command_lines import Network, Program, command_line
from contracts.assembly.images import Image
from contracts.assembly.load import Clients, Expected, Run, Target, load_command, patience_s, worker_command
from contracts.assembly.sources import HostVariables
from contracts.assembly.start import Settings, Start, mac_of, network_path, number_of_cpus, ssh_command
from contracts.errors import InputError
from contracts.loads import NetworkPath
from contracts.plan import PlannedTrial
from contracts.platforms import PLATFORMS, Platform, processor_of_host
from contracts.study import Study
from contracts.workload import PARAMETERS, Workload, workload_of

Json = dict[str, Any]


class CampaignFacts(BaseModel):
    """What the module campaign returned, as far as a trial needs it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    directory: str
    study_reference: Json


@dataclass(frozen=True)
class Sources:
    """Everything that a trial is assembled from.

    Attributes:
        folder: of the trial, from the folder of the campaign's trials.
        study: its load has the warm-up of this cell, in seconds.
        image: of the cell's service in the arm's runtime, on the host.
        response: the workload's first reference response: path, status, body, parameters.
        ceiling_per_s: requests per second of which a load process is capable.
    """

    planned: PlannedTrial
    folder: str
    campaign: CampaignFacts
    study: Study
    settings: Settings
    host: HostVariables
    image: Image
    response: Json
    ceiling_per_s: float


# A native process has the root file system that the role linux_image packs.
_PACKED_AS = {"native": "linux"}


def image_fact(arm: Arm) -> str:
    """The fact in which the image role of the arm's runtime reports its images."""
    return f"{_PACKED_AS.get(arm.runtime, arm.runtime)}_image_images"


def image_key(arm: Arm, service: str) -> str:
    """The key of a service in that fact: a runtime has one image of it, each prebuilt unikernel its own."""
    return f"{arm.name}/{service}" if arm.runtime == "prebuilt" else service


def output_folder(campaign: str, name: str) -> str:
    """Where, on a client, the load called ``name`` leaves its results."""
    return f"/tmp/unilab-{campaign}-{name}"


def assemble(sources: Sources) -> Json:
    """The trial as the role's tasks take it: plain values, under the keys that ``_Trial`` has."""
    return asdict(_Assembly(sources).trial())


@dataclass(frozen=True)
class _Load:
    """The load's commands, and the folder on the client that they leave their results in.

    ``worker`` lacks ``--processes``, of which each client has its own.
    """

    command: list[str]
    worker: list[str]
    processes: int
    patience_s: float
    output: str


@dataclass(frozen=True)
class _Trial:
    """What the role's tasks take.

    Attributes:
        arm: name, runtime, platform and host group.
        directory: of the trial on the controller.
        identity: nonce or answers, see ``contracts.images.prebuilt``.
        facts: of ``contracts.outcome.record_of``.
    """

    arm: Json
    image: Json
    directory: str
    identity: str
    accelerator: str
    start: Start
    load: _Load
    facts: Json


class _Assembly:
    """The parts of one trial."""

    def __init__(self, sources: Sources) -> None:
        self.of, self.cell = sources, sources.planned.cell
        self.arm = arm_named(self.cell.arm)
        self.platform: Platform = PLATFORMS[self.arm.platform]
        self.workload: Workload = workload_of(self.cell.service)
        self.port = sources.image.port or sources.settings.port
        self.address = self._address()

    def trial(self) -> _Trial:
        """All of it."""
        start = self._start()
        return _Trial(
            arm=asdict(self.arm),
            image=self.of.image.model_dump(),
            directory=f"{self.of.campaign.directory}/trials/{self.of.folder}",
            identity=self.of.image.identity,
            accelerator=self._accelerator(),
            start=start,
            load=self._load(),
            facts=self._facts(start),
        )

    def _address(self) -> str:
        """A guest answers at an address of its own, a container at its host's."""
        host, settings = self.of.host, self.of.settings
        if not self.platform.is_guest:
            return host.service_address or host.ansible_host or settings.host
        if self.of.image.address:
            return self.of.image.address
        if host.guest_address is None:
            raise InputError(
                f"inventory host {settings.host}",
                "guest_address",
                "missing: a guest has an address of its own",
                "give it a free address on the network of the bridge",
            )
        return str(host.guest_address)

    def _start(self) -> Start:
        host, settings, image = self.of.host, self.of.settings, self.of.image
        by_nonce = image.identity == "nonce"
        network = self.of.study.network or NetworkPath()
        return Start(
            command_line=self._command_line(),
            environment=self._environment(),
            vcpus=self._vcpus(),
            cpus=self.cell.cpus,
            cap_percent=round(self.cell.cpus * 100),
            memory_mib=self.cell.memory_mib,
            nonce=settings.nonce if by_nonce else "",
            answer=None if by_nonce else self._right_answer(),
            address=self.address,
            publish_address=host.service_publish_address,
            port=self.port,
            timeout_s=self.of.study.boot_timeout_s,
            mac=mac_of(settings.host, settings.instance),
            bridge=host.qemu_host_bridge,
            vhost=host.qemu_host_vhost if network.guest is None else network.guest == "vhost",
            host_network=network.container == "host",
            cpu_list=self._cpu_list(),
            host_cpu_list=host.host_cpus,
            network=host.xenserver_host_network,
            pool_member=host.xenserver_host_member,
            namespace=host.guest_namespace,
            disk_uuid=host.xenserver_image_disks.get(image.path, ""),
            # A disk that came from elsewhere may want to be written to; the next trial finds it as it was.
            disk_writes="discarded" if self.arm.runtime == "prebuilt" else "refused",
            disk_command_line=self._has_command_line_on_disk(),
            driven=self._is_driven(),
            ssh=ssh_command(host, settings) if self._is_driven() and host.driven_over_ssh else [],
        )

    def _has_command_line_on_disk(self) -> bool:
        return self.arm.runtime == "osv" and self.of.image.boot == "disk"

    def _is_driven(self) -> bool:
        """Not an image that must be opened on its host before it is booted."""
        if self.platform.name == "native":
            return True
        opened = self._has_command_line_on_disk() or self.arm.runtime == "prebuilt"
        return self.of.host.driven_over_ssh and self.platform.name in ("docker", "qemu") and not opened

    def _vcpus(self) -> int:
        return math.ceil(self.cell.cpus)

    def _cpu_list(self) -> str:
        """The CPUs that the instance is bound to."""
        host = self.of.host
        return host.instance_cpus or (host.guest_cpus if self.platform.is_guest else "")

    def _environment(self) -> dict[str, str]:
        """The program's environment: the manifest's, and what belongs to this trial."""
        own = {
            "UNILAB_PORT": str(self.port),
            "UNILAB_THREADS": str(self.cell.threads),
            "UNILAB_NONCE": self.of.settings.nonce,
        }
        parameters = {PARAMETERS[name].variable: str(value) for name, value in self.cell.parameters.items()}
        return {**self.of.image.env, **own, **parameters}

    def _command_line(self) -> str:
        host, image, cell = self.of.host, self.of.image, self.cell
        values = {
            "port": self.port,
            "nonce": self.of.settings.nonce,
            "threads": cell.threads,
            "memory_mib": cell.memory_mib,
            **dict.fromkeys(PARAMETERS, 0),
            **cell.parameters,
        }
        program = Program(
            image.cmdline, image.osv_cmdline_suffix, self._environment(), values, self.of.settings.osv_options
        )
        network = Network(f"{self.address}/{host.guest_prefix_length}", host.guest_gateway)
        return command_line(self.arm.runtime, program, network)

    def _right_answer(self) -> Json:
        """What a unikernel that takes no nonce is recognised by: the workload's first reference response."""
        answer = {key: self.of.response[key] for key in ("path", "status", "body")}
        for name in self.of.response["parameters"]:
            answer["body"] = answer["body"].replace(f"{{{name}}}", str(self.cell.parameters[name]))
        return answer

    def _accelerator(self) -> str:
        settings = self.of.settings
        facts = self.of.host.model_dump() | {
            "host_facts": {"provenance": settings.provenance.get(settings.host, {})}
        }
        return self.platform.accelerator(facts)

    def _load(self) -> _Load:
        settings, image, study = self.of.settings, self.of.image, self.of.study
        load = study.load[self.workload.name]
        expected = Expected(image.identity, settings.nonce, image.artifact_sha256, self.cell.threads)
        target = Target(self.address, self.port, expected, self.cell.parameters)
        clients = Clients(settings.load_dir, settings.load_processes)
        output = output_folder(self.of.campaign.name, self.of.planned.id)
        run = Run(self.of.ceiling_per_s, seed=seed_of(self.of.planned.id), output=output)
        return _Load(
            command=load_command(load, self.workload, target, clients, run),
            worker=worker_command(self.workload, clients, settings.master),
            processes=settings.load_processes,
            patience_s=patience_s(load),
            output=output,
        )

    def _facts(self, start: Start) -> Json:
        planned, settings, image = self.of.planned, self.of.settings, self.of.image
        host = settings.provenance.get(settings.host, {})
        guest = self.platform.is_guest
        vcpus = start.vcpus if guest else host.get("cpus", 0)
        bound = number_of_cpus(start.cpu_list)
        return {
            "campaign": self.of.campaign.name,
            "study": self.of.campaign.study_reference,
            "id": planned.id,
            "block": planned.block,
            "position": planned.position,
            "cell": self.cell.model_dump(),
            "started_at": settings.started_at,
            "nonce": settings.nonce,
            "instance": {
                "artifact_sha256": image.artifact_sha256,
                "image_sha256": image.sha256,
                "image_bytes": image.bytes,
                "kernel": image.kernel_release if guest else host.get("kernel", "unknown"),
                "accelerator": self._accelerator(),
                "vcpus": vcpus,
                "host_processor": processor_of_host(host),
                "host_groups": sorted(
                    {each.host_group for each in PLATFORMS.values()} & set(self.of.host.group_names)
                ),
                "cpus": min(vcpus, bound) if bound else vcpus,
                "cpu_list": start.cpu_list,
                "host_cpu_list": start.host_cpu_list,
                "network_path": network_path(self.platform.name, start),
                "command_line": start.command_line,
                "host": settings.host,
                "address": self.address,
                "port": self.port,
                "identified_by": image.identity,
            },
            "provenance": settings.provenance,
        }


def seed_of(trial: str) -> int:
    """What draws a trial's arrivals: the number in its name, such as 7 of ``0007``."""
    return int(re.sub(r"\D", "", trial) or 0)
