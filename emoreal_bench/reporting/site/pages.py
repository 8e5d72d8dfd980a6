"""What every page shares: its templates, its policy for scripts, and data that scripts load."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.record.files import write_atomically
from emoreal_bench.reporting.confusion import confusion_cells
from emoreal_bench.resources import package_folders
from emoreal_bench.text import percent, percent_interval, points, rating, words

PAGE_FILE = "index.html"


@dataclass(frozen=True, slots=True)
class Asset:
    """A style or script of ours, written into the page as it stands.

    Attributes:
        content: The text between the tags.
        hash: What the content-security policy calls it.
    """

    content: Markup
    hash: str


@cache
def load_asset(*names: str) -> Asset:
    """Read styles or scripts of the template folder and join them in the order given."""
    folder = _template_folder()
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    # Markup: written by this project and holding nothing of a run, it must reach
    # the browser unescaped for its hash to hold.
    return Asset(Markup(text), f"sha256-{digest}")  # noqa: S704


def render_page(template: str, **values: Any) -> bytes:
    """Render a template of the project; every value in it is escaped.

    Args:
        template: Name of the file.
        values: What the template sees.
    """
    return _environment().get_template(template).render(values).encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "percent_interval": percent_interval,
        "points": points,
        "rating": rating,
        "confusion_cells": confusion_cells,
        "words": words,
    }
    return environment


def write_file(path: Path, content: bytes) -> None:
    """Write one file of a site, its folder made if it is not there.

    A reader sees the old file or the new one. It is not forced onto the disk,
    which costs more than making it: a site can be made again from its runs.

    Raises:
        RunError: If it cannot be written.
    """
    write_atomically(path, [content], durable=False)


def page_file(out: Path) -> Path:
    """Return the file of a page that a user wants at ``out``.

    A name that ends in ``.html`` is the page itself; any other is its folder.
    """
    return out if _is_page(out) else out / PAGE_FILE


def check_site_folder(out: Path) -> None:
    """Look whether several pages, with what they load, may be written to ``out``.

    Raises:
        UsageError: If it is named like one page.
    """
    if _is_page(out):
        raise UsageError(
            "What is written here is a folder of pages, and this is the name of one.",
            where=str(out),
            remedy=f"Name a folder, such as {out.with_suffix('')}; its first page is {PAGE_FILE}.",
        )


def _is_page(out: Path) -> bool:
    return out.suffix.lower() in (".html", ".htm") and not out.is_dir()


def script_data(receiver: str, name: str, value: Any) -> bytes:
    """Write data as a script, since a page opened from disk cannot fetch any other file.

    The script is one call with literals. All of it is ASCII, and what could end
    a script or begin a comment in HTML is escaped, so that it is safe wherever
    it is put.

    Args:
        receiver: The function to call, an expression of ours.
        name: Which data these are.
        value: A JSON value; texts in it are anybody's.
    """
    literals = (json.dumps(part, separators=(",", ":"), allow_nan=False) for part in (name, value))
    text = f"{receiver}({','.join(literals)});\n"
    return text.replace("<", "\\u003c").replace(">", "\\u003e").encode("ascii")


def _template_folder() -> Path:
    return package_folders("emoreal_bench.leaderboards")[0] / "templates"
