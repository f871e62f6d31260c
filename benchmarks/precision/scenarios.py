"""Synthetic campaigns in which every true ratio is 1: what machines do to boots that share blocks.

A campaign is an array of log values, shape (campaigns, cells, blocks), NaN for a boot that is missing. Each
block runs its cells in a random order, as the plan does. A page holds services of three arms each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Shape = tuple[int, int, int]
Scenario = Callable[[np.random.Generator, Shape], Array]

SPREAD = 0.02
_DRIFT = math.log(1.2)
_NOISY_SERVICES = (SPREAD, 0.25, 0.25, 0.05)
ARMS = 3


def no_drift(generator: np.random.Generator, shape: Shape) -> Array:
    """Boots vary by 2 %, and nothing else happens."""
    return generator.normal(0, SPREAD, shape)


def large_variation(generator: np.random.Generator, shape: Shape) -> Array:
    """Boots vary by 25 %."""
    return generator.normal(0, 0.25, shape)


def drift(generator: np.random.Generator, shape: Shape) -> Array:
    """The machine becomes faster by 20 % from the first boot to the last."""
    return no_drift(generator, shape) + _drift(generator, shape)


def noisy_block(generator: np.random.Generator, shape: Shape) -> Array:
    """One block runs beside a neighbour that halves its throughput."""
    values = no_drift(generator, shape)
    values[np.arange(shape[0]), :, generator.integers(shape[2], size=shape[0])] += math.log(0.5)
    return values


def bimodal(generator: np.random.Generator, shape: Shape) -> Array:
    """Boots are of two kinds, such as a good and a bad memory layout."""
    modes = SPREAD * generator.choice([-1.0, 1.0], shape)
    return modes + generator.normal(0, SPREAD / 4, shape)


def heavy_tails(generator: np.random.Generator, shape: Shape) -> Array:
    """Student's t with four degrees of freedom, of the same variance."""
    return SPREAD * generator.standard_t(4, shape) / math.sqrt(2)


def unequal_variances(generator: np.random.Generator, shape: Shape) -> Array:
    """Every second cell varies three times as much."""
    spreads = np.where(np.arange(shape[1]) % 2, 3 * SPREAD, SPREAD)
    return generator.normal(0, 1, shape) * spreads[:, None]


def missing_boot(generator: np.random.Generator, shape: Shape) -> Array:
    """One boot of the page is missing, without drift."""
    values = no_drift(generator, shape)
    campaigns = np.arange(shape[0])
    values[campaigns, generator.integers(shape[1], size=shape[0]), _a_block(generator, shape)] = np.nan
    return values


def missing_boot_in_drift(generator: np.random.Generator, shape: Shape) -> Array:
    """The machine drifts by 20 %, and one boot of the pair is missing."""
    values = drift(generator, shape)
    values[np.arange(shape[0]), 0, _a_block(generator, shape)] = np.nan
    return values


def interaction(generator: np.random.Generator, shape: Shape) -> Array:
    """Blocks differ by 5 %, and each cell takes that another way: 3 % block x arm interaction."""
    of_block = generator.normal(0, 0.05, (shape[0], 1, shape[2]))
    return no_drift(generator, shape) + of_block + generator.normal(0, 0.03, shape)


def service_blocks(generator: np.random.Generator, shape: Shape) -> Array:
    """A block shifts the arms of one service alike by 5 %, and each service another way."""
    services = -(-shape[1] // ARMS)
    of_service = generator.normal(0, 0.05, (shape[0], services, shape[2]))
    return no_drift(generator, shape) + np.repeat(of_service, ARMS, axis=1)[:, : shape[1]]


def noisy_services(generator: np.random.Generator, shape: Shape) -> Array:
    """The pair's service varies by 2 %, others of the page by 25 %, without drift."""
    spreads = np.repeat(np.resize(_NOISY_SERVICES, -(-shape[1] // ARMS)), ARMS)[: shape[1]]
    return generator.normal(0, 1, shape) * spreads[:, None]


def noisy_services_in_drift(generator: np.random.Generator, shape: Shape) -> Array:
    """The same while the machine drifts by 20 %."""
    return noisy_services(generator, shape) + _drift(generator, shape)


def _drift(generator: np.random.Generator, shape: Shape) -> Array:
    campaigns, cells, blocks = shape
    order = np.argsort(generator.random((campaigns, blocks, cells)), axis=-1).transpose(0, 2, 1)
    place = (np.arange(blocks) * cells + order) / max(cells * blocks - 1, 1)
    return _DRIFT * (place - 0.5)


def _a_block(generator: np.random.Generator, shape: Shape) -> npt.NDArray[np.int64]:
    return generator.integers(shape[2], size=shape[0])


SCENARIOS: Mapping[str, Scenario] = {
    "no drift, 2 % between boots": no_drift,
    "no drift, 25 % between boots": large_variation,
    "machine drifts by 20 %": drift,
    "one block at half speed": noisy_block,
    "boots of two kinds": bimodal,
    "heavy tails": heavy_tails,
    "unequal variances, 1 to 3": unequal_variances,
    "one boot missing": missing_boot,
    "one boot missing, drift": missing_boot_in_drift,
    "block x arm interaction": interaction,
    "blocks shift services differently": service_blocks,
    "two noisy services beside": noisy_services,
    "two noisy services beside, drift": noisy_services_in_drift,
}
