"""What MkDocs calls while it builds the site; ``mkdocs.yml`` names this file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.building.commands import command_pages
from docs.building.gallery import write_gallery
from docs.building.listings import listing_pages
from docs.building.python_api import api_pages
from docs.building.schemas import schema_pages

ROOT = Path(__file__).resolve().parents[2]
_GALLERY = ("leaderboard", "run", "compare")
_SHOWN = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages of the repository that lie outside of docs/, and the names that they have in the site."""
_LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(?=\))")
_GENERATED = {
    "commands": command_pages,
    "python": api_pages,
    "schemas": schema_pages,
    "built-in": listing_pages,
}


def on_config(config: MkDocsConfig) -> None:
    """Make the generated pages, and put their names where the navigation says ``GENERATED x``."""
    pages = {name: make() for name, make in _GENERATED.items()}
    config.extra["pages"] = {path: text for each in pages.values() for path, text in each.items()}
    config.nav = _filled(config.nav, pages)


def _filled(nav: Any, pages: Mapping[str, Mapping[str, str]]) -> Any:
    if isinstance(nav, list):
        return [one for part in nav for one in _as_list(_filled(part, pages))]
    if isinstance(nav, dict):
        return {title: _filled(part, pages) for title, part in nav.items()}
    word, _, name = nav.partition(" ")
    return list(pages[name]) if word == "GENERATED" else nav


def _as_list(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [part]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are generated, those from outside of docs/, and the gallery."""
    for path, text in config.extra["pages"].items():
        files.append(File.generated(config, path, content=text))
    for name, path in _SHOWN.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, path, content=_LINK.sub(_from_root, text)))
    for path in _linked_files(files):
        content = (ROOT / path).read_bytes()
        files.append(File.generated(config, f"files/{path}.txt", content=content))
    # Their index pages are files, so that a link to one is checked; they are written at the end.
    for name in _GALLERY:
        files.append(File.generated(config, f"gallery/{name}/index.html", content=""))
    return files


def _from_root(link: re.Match[str]) -> str:
    """Turn a link that begins in the root of the repository into one that begins in docs/."""
    before, path, anchor = link.groups(default="")
    if ":" in path:
        return link[0]
    inside = path.removeprefix("docs/")
    return f"{before}{inside if inside != path else f'../{path}'}{anchor}"


def _linked_files(files: Files) -> list[str]:
    """Find the files outside of docs/ that pages link to; they are shown as text."""
    texts = [file.content_string for file in files.documentation_pages()]
    links = {path for text in texts for _, path, _ in _LINK.findall(text)}
    outside = {path.removeprefix("../") for path in links if path.startswith("../")} - set(_SHOWN)
    return sorted(path for path in outside if (ROOT / path).is_file())


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links that leave docs/ to where the site shows the file."""
    del files
    up = "../" * page.file.src_uri.count("/")

    def inside(link: re.Match[str]) -> str:
        before, path, anchor = link.groups(default="")
        if not path.startswith("../") or page.file.src_uri in config.extra["pages"]:
            return link[0]
        name = path.removeprefix("../")
        return f"{before}{up}{_SHOWN.get(name, f'files/{name}.txt')}{anchor}"

    return _LINK.sub(inside, markdown)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take out of docstrings what only Sphinx reads: roles, and the second of two colons."""
    del config, files
    if not page.file.src_uri.startswith("python/"):
        return html
    return re.sub(r":\w+:(?=<code>)", "", html).replace("::</p>", ":</p>")


def on_post_build(config: MkDocsConfig) -> None:
    """Write the gallery, whose pages are none of MkDocs'."""
    settings, gallery = config.extra["gallery"], Path(config.site_dir) / "gallery"
    for name in _GALLERY:
        (gallery / name / "index.html").unlink()
    with tempfile.TemporaryDirectory() as runs:
        write_gallery(gallery, Path(runs), settings["models"], settings["items"])


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Name the search for those who hear the page, which the theme leaves out."""
    del page, config
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)
