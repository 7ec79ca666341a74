"""`glimpse bank`: banks of label vectors, built from CLIP or other vectors, shown and searched."""

import difflib
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from realtime.bundle.bank import LABELS, VECTORS, Bank
from realtime.bundle.bundle import MANIFEST, Bundle
from realtime.bundle.label_vectors import name_key, read_label_vectors, read_vectors
from realtime.command_line import TYRO_CONFIG
from realtime.errors import BadInput

Folder = Annotated[Path, tyro.conf.Positional]
console = Console(highlight=False, markup=False, soft_wrap=True)


def main(argv: list[str]) -> int:
    """`glimpse bank build|show|search`; raises BadInput."""
    tyro.extras.subcommand_cli_from_dict(
        {"build": build, "show": show, "search": search}, args=argv, prog="glimpse bank", config=TYRO_CONFIG
    )
    return 0


def build(vectors: Path, names: Path, out: Path, columns: tuple[int, int] | None = None) -> None:
    """Make a bank of an npy file, one vector a row, and a file that names the rows; completely or not at all.

    Args:
        vectors: The npy file, (rows, dim).
        names: TSV with a column `name`, JSON list or object, or TXT with a name a line, in the order of the rows.
        out: Folder of the new bank.
        columns: First column used and the one after the last; left out: all.
    """
    if out.exists():
        raise BadInput(f"{out}: exists already; choose another --out or remove it")
    label_vectors = read_label_vectors(vectors, names, columns)
    bank = Bank(label_vectors.names, np.asarray(label_vectors.vectors, np.float64))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        complete = Path(scratch) / out.name
        complete.mkdir()
        bank.save(complete)
        complete.rename(out)
    console.print(f"{out}: {len(bank.names)} labels, {bank.dim} numbers each")
    if repeated := [name for name, n in Counter(bank.names).items() if n > 1]:
        console.print(f"note: these names stand more than once: {', '.join(repeated)}")


def show(folder: Folder, /, json_to: Annotated[Path | None, tyro.conf.arg(name="json")] = None) -> None:
    """Print the labels of a bank or of a bundle's bank.

    Args:
        folder: The bank or bundle.
        json_to: Also write it to this JSON file.
    """
    bank, about = _open(folder)
    console.print(f"{folder}: {len(bank.names)} labels, {bank.dim} numbers each{about and f'; {about}'}")
    console.print(", ".join(bank.names), style="dim")
    if json_to is not None:
        _write(json_to, {"labels": bank.names, "dim": bank.dim, "about": about})


def search(
    folder: Folder,
    /,
    name: str | None = None,
    vectors: Path | None = None,
    columns: tuple[int, int] | None = None,
    top: int = 5,
    json_to: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> None:
    """List the labels nearest to a label, or to each vector of a file, by cosine.

    Args:
        folder: The bank or bundle.
        name: A label of it; case, spaces and underscores do not matter.
        vectors: An npy file, one vector a row.
        columns: First column used of that file and the one after the last; left out: all.
        top: How many labels.
        json_to: Also write them to this JSON file.
    """
    if (name is None) == (vectors is None):
        raise BadInput("bank search: one of --name and --vectors is needed, and not both; give one")
    if top < 1:
        raise BadInput(f"bank search: --top is {top}, but needs to be 1 or more")
    bank, _ = _open(folder)
    if vectors is None:
        rows = _rows(bank, name or "", folder)
        titles, queries = [bank.names[row] for row in rows], bank.vectors[rows]
    else:
        queries = np.asarray(read_vectors(vectors, columns), np.float32)
        titles = [f"row {row}" for row in range(len(queries))]
    if queries.shape[1] != bank.dim:
        raise BadInput(
            f"{vectors}: its vectors have {queries.shape[1]} numbers, but {folder} has {bank.dim}; choose "
            "--columns, or use vectors of the bank's own model"
        )
    table = Table("", *(str(rank + 1) for rank in range(min(top, len(bank.names)))))
    results = []
    for title, cosine in zip(titles, bank.scores(queries)[1], strict=True):
        best = np.argsort(-cosine)[:top]
        nearest = [{"label": bank.names[i], "similarity": float(cosine[i])} for i in best]
        results.append({"query": title, "nearest": nearest})
        table.add_row(title, *(f"{bank.names[i]} {cosine[i]:.2f}" for i in best))
    console.print(table)
    if json_to is not None:
        _write(json_to, results)


def _open(folder: Path) -> tuple[Bank, str]:
    """The bank and, of a bundle, its name and note; a bundle is checked whole."""
    if (folder / MANIFEST).exists():
        bundle = Bundle.load(folder)
        return bundle.bank, f"bundle {bundle.manifest.name}: {bundle.manifest.note}"
    if not (folder / VECTORS).exists():
        raise BadInput(f"{folder}: neither a bank ({VECTORS}, {LABELS}) nor a bundle ({MANIFEST}); correct the path")
    return Bank.load(folder), ""


def _rows(bank: Bank, name: str, folder: Path) -> list[int]:
    keys = [name_key(label) for label in bank.names]
    rows = [row for row, key in enumerate(keys) if key == name_key(name)]
    if not rows:
        near = [bank.names[keys.index(key)] for key in difflib.get_close_matches(name_key(name), keys, n=3)]
        hint = f"similar are {', '.join(near)}" if near else f"see glimpse bank show {folder}"
        raise BadInput(f"{folder}: has no label {name!r}; {hint}")
    return rows


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
