"""Adds pages to the site of `make docs` that are made of other files of the repository."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
TEXTS = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
PACKAGES = ("glimpse", "realtime", "decoder", "training", "serve", "benchmarks")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reference to the navigation, a section for each package."""
    pages = list(reference_pages())
    library = next(section["Library"] for section in config.nav or [] if "Library" in section)
    for package in PACKAGES:
        library.append({package: [page for page in pages if page.split("/")[1].removesuffix(".md") == package]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the texts of the root and a reference page for each room."""
    pages = {page: from_root(ROOT / source) for page, source in TEXTS.items()} | reference_pages()
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def from_root(path: Path) -> str:
    """Return a Markdown file of the root with links as they are seen from docs/."""
    text = re.sub(r"\]\(docs/", "](", path.read_text(encoding="utf-8"))
    for page, source in TEXTS.items():
        text = text.replace(f"]({source})", f"]({page})")
    return re.sub(r"\[([^]]+)\]\((LICENSE|CITATION\.cff)\)", r"`\1`", text)  # no pages of the site


def reference_pages() -> dict[str, str]:
    """Return page -> Markdown: a page for each room, with the docstrings of its modules in order of name."""
    rooms: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name not in ("__init__.py", "__main__.py"):
                parts = path.relative_to(ROOT).with_suffix("").parts
                rooms.setdefault(".".join(parts[:-1]), []).append(".".join(parts))
    return {
        f"reference/{room.replace('.', '/')}.md": "\n\n".join([f"# {room}", *(f"::: {module}" for module in modules)])
        for room, modules in rooms.items()
    }
