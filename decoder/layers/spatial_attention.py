"""Attention over sensor positions, which gives any layout the same number of virtual sensors.

Shape suffixes: B streams, C channels, T samples, V virtual sensors.
"""

import math

import torch
from torch import Tensor, nn

MARGIN = 0.2  # around the unit square: waves that end at its edge would make opposite edges neighbours


def unit_square(positions: tuple[tuple[float, float, float] | None, ...]) -> Tensor:
    """Sensors on the unit square, float32[C, 2]; NaN where the position is not known.

    The distance from the middle is the angle from the upward axis, so that sensors below the equator are not mapped
    onto those above it (azimuthal equidistant); then each axis is scaled to 0..1. ValueError with fewer than two
    positions.
    """
    known = [p for p in positions if p is not None and all(math.isfinite(value) for value in p)]
    if len(known) < 2:
        raise ValueError(
            f"spatial attention: {len(known)} of {len(positions)} channels have a position, needs 2 or more; give "
            "positions or use a network that needs none"
        )
    unknown = (math.nan,) * 3
    x, y, z = torch.tensor([unknown if p is None else p for p in positions], dtype=torch.float32).unbind(1)
    angle, radius = torch.atan2(torch.hypot(x, y), z), torch.hypot(x, y).clamp(min=1e-9)
    flat = torch.stack([angle * x / radius, angle * y / radius], dim=1)
    finite = flat[flat.isfinite().all(1)]
    low, high = finite.amin(0), finite.amax(0)
    return (flat - low) / (high - low).clamp(min=1e-6)


def fourier(places_C2: Tensor, n_waves: int) -> Tensor:
    """Cosines, then sines, of `n_waves` by `n_waves` plane waves at each place of the unit square, [C, 2 n_waves^2]."""
    waves = 2 * math.pi / (1 + 2 * MARGIN) * torch.arange(n_waves, dtype=places_C2.dtype)
    x, y = ((places_C2 + MARGIN)[..., None] * waves).unbind(1)
    phase = (x[:, :, None] + y[:, None]).flatten(1)
    return torch.cat([phase.cos(), phase.sin()], dim=1)


class SpatialAttention(nn.Module):
    """Virtual sensors, each a weighted mean of the real ones: the softmax of a learned function of their positions.

    float32[B, C, T] to float32[B, V, T]; no memory. A sensor without a position has weight 0. In training one place
    is drawn per batch and the sensors within `dropout_radius` of it have weight 0. Defossez et al., Nat. Mach.
    Intell. 2023, https://arxiv.org/abs/2208.12266. ValueError with fewer than two positions.
    """

    places: Tensor
    embedding: Tensor
    known: Tensor

    def __init__(
        self,
        positions: tuple[tuple[float, float, float] | None, ...],
        n_out: int,
        n_waves: int = 32,
        dropout_radius: float = 0.2,
    ):
        super().__init__()
        places_C2 = unit_square(positions)
        known_C = places_C2.isfinite().all(1)
        self.dropout_radius = dropout_radius
        self.register_buffer("places", torch.where(known_C[:, None], places_C2, 0.0), persistent=False)
        self.register_buffer("embedding", fourier(self.places, n_waves), persistent=False)
        self.register_buffer("known", known_C, persistent=False)
        width = self.embedding.shape[1]
        self.heads = nn.Parameter(torch.randn(n_out, width) / width**0.5)

    def forward(self, x_BCT: Tensor) -> Tensor:
        used_C = self.known & ~self.sensor_dropout() if self.training and self.dropout_radius else self.known
        return self.weights(used_C) @ x_BCT

    def weights(self, used_C: Tensor) -> Tensor:
        """Weights of the sensors in each virtual sensor, over those in `used_C` bool[C], [V, C]."""
        score_VC: Tensor = self.heads @ self.embedding.T
        return score_VC.masked_fill(~used_C, -torch.inf).softmax(dim=1)

    def sensor_dropout(self) -> Tensor:
        """Sensors near a random place, bool[C]; none where that would be all."""
        near_C = torch.linalg.vector_norm(self.places - torch.rand_like(self.places[0]), dim=1) <= self.dropout_radius
        dropped_C: Tensor = near_C & (self.known & ~near_C).any()
        return dropped_C
