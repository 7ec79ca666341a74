"""The bank: one vector and one name per label, and the search for the nearest.

A folder with `bank.safetensors` and `labels.json`: a bundle is one, and so is what `glimpse bank build` writes.
"""

import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from realtime.errors import BadInput

VECTORS, LABELS = "bank.safetensors", "labels.json"


class Bank:
    """Label vectors of unit length, searched by dot product.

    The dot product, the logit, keeps the length of the embedding, which says how confident the network is. The cosine
    is for people.
    """

    def __init__(self, names: tuple[str, ...], vectors: np.ndarray):
        if vectors.ndim != 2 or len(vectors) != len(names):
            raise BadInput(f"bank: {len(names)} names need as many vectors, found an array of shape {vectors.shape}")
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(length).all() or (length == 0).any():
            worst = names[int(np.argmin(np.where(np.isfinite(length), length, 0)))]
            raise BadInput(
                f"bank: the vector of {worst!r} is zero or not finite, so it has no direction; remove that label"
            )
        self.names = names
        # Contiguous, because safetensors ignores strides.
        self.vectors = np.ascontiguousarray(vectors / length, dtype=np.float32)

    @property
    def dim(self) -> int:
        """Width of the space."""
        return int(self.vectors.shape[1])

    def scores(self, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits (dot products) and cosines of `embedding` (..., dim) with every label, each (..., n_labels)."""
        logits = embedding @ self.vectors.T
        length = np.sqrt(np.square(embedding).sum(axis=-1, keepdims=True))
        return logits, logits / np.maximum(length, 1e-12)

    def save(self, folder: Path) -> None:
        """Write the two files into `folder`."""
        (folder / VECTORS).write_bytes(save({"vectors": self.vectors}))
        rows = [{"name": name} for name in self.names]
        (folder / LABELS).write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Bank":
        """Read the two files of `folder`; BadInput says which of them is missing or broken."""
        try:
            tensors = load_file(folder / VECTORS)
            rows = json.loads((folder / LABELS).read_text(encoding="utf-8"))
        except (OSError, SafetensorError, ValueError) as error:
            raise BadInput(f"{folder}: its {VECTORS} or {LABELS} cannot be read ({error}); build it again") from None
        if "vectors" not in tensors:
            raise BadInput(f"{folder / VECTORS}: key 'vectors' is missing, found {sorted(tensors)}; build it again")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "name" in row for row in rows):
            raise BadInput(f"{folder / LABELS}: a list of objects with a name is needed; build it again")
        try:
            return cls(tuple(str(row["name"]) for row in rows), tensors["vectors"])
        except BadInput as error:
            raise BadInput(f"{folder / VECTORS}: {error}") from None
