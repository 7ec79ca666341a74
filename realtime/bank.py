"""The bank: one vector and one name per label, and the search for the nearest."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from realtime.errors import BadInput


class Bank:
    """Label vectors of unit length, searched by inner product.

    The inner product keeps the length of the embedding, which says how sure the network is; the cosine is for people.
    """

    def __init__(self, names: tuple[str, ...], vectors: np.ndarray):
        if vectors.ndim != 2 or len(vectors) != len(names):
            raise BadInput(f"bank: {len(names)} names need as many vectors, found an array of shape {vectors.shape}")
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(length).all() or (length == 0).any():
            worst = names[int(np.argmin(np.where(np.isfinite(length), length, 0)))]
            raise BadInput(f"bank: the vector of {worst!r} is zero or not finite, so it has no direction; remove that label")
        self.names = names
        self.vectors = (vectors / length).astype(np.float32)

    @property
    def dim(self) -> int:
        """Width of the space."""
        return self.vectors.shape[1]

    def scores(self, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Inner products and cosines of `embedding` (..., dim) with every label, each (..., n_labels)."""
        inner = embedding @ self.vectors.T
        length = np.linalg.norm(embedding, axis=-1, keepdims=True)
        return inner, inner / np.maximum(length, 1e-12)

    def save(self, folder: Path) -> None:
        """Write `bank.safetensors`; the names travel in `labels.json`, which the bundle writes."""
        save_file({"vectors": self.vectors}, folder / "bank.safetensors")

    @classmethod
    def load(cls, folder: Path, names: tuple[str, ...]) -> "Bank":
        """Read `bank.safetensors` of a bundle."""
        tensors = load_file(folder / "bank.safetensors")
        if "vectors" not in tensors:
            raise BadInput(f"{folder / 'bank.safetensors'}: key 'vectors' is missing, found {sorted(tensors)}; export again")
        return cls(names, tensors["vectors"])
