"""The documentation site: built strictly, whole, and readable from disk without a network."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from docs.building.commands import all_commands
from docs.building.python_api import subjects
from emoreal_bench import api
from tests.browser.conftest import OpenPage

pytest.importorskip("mkdocs")
# The build takes 17 s of one core, which a busy machine spreads over minutes.
pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from mkdocs.commands.build import build
from mkdocs.config import load_config

config = load_config("mkdocs.yml", site_dir=sys.argv[1])
# As the site, with a gallery that costs less.
config.extra["gallery"] = {"items": 5, "models": ["baseline/random", "baseline/first-choice"]}
config.plugins.on_startup(command="build", dirty=False)
build(config)
"""
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "link": "href",
    "object": "data",
    "embed": "src",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; a warning, such as a broken link or a page outside of it, ends the build."""
    folder = tmp_path_factory.mktemp("a site")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[away](nowhere.md)", "nowhere.md"),
        ("[away](index.md#nowhere)", "nowhere"),
        ("[away](/index.md)", "absolute link"),
        ("", "not included in the"),
    ],
    ids=["no page", "no place", "not relative", "a page outside of the navigation"],
)
def test_what_is_broken_ends_the_build(text: str, said: str, tmp_path: Path) -> None:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# One\n\n{text}\n", encoding="utf-8")
    if not text:
        (tmp_path / "docs" / "other.md").write_text("# Other\n", encoding="utf-8")
    places = {"docs_dir": str(tmp_path / "docs"), "site_dir": str(tmp_path / "site")}
    rest: dict[str, Any] = {"hooks": [], "plugins": [], "extra": {}, "nav": ["index.md"]}
    config = load_config(str(ROOT / "mkdocs.yml"), **places, **rest)
    with pytest.raises(Abort), warned() as lines:
        build(config)
    assert said in "\n".join(lines)


@contextmanager
def warned() -> Iterator[list[str]]:
    """Collect what MkDocs says."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("mkdocs")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


class Page(HTMLParser):
    """What one page loads, leads to, and can be led to."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.places |= {name for name in (given.get("id"), given.get("name")) if name}
        if tag in LOADS and (address := given.get(LOADS[tag])):
            self.loads.append(address)
        if tag == "a" and (address := given.get("href")):
            self.links.append(address)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    # A page that is not found is served for any address, so that its own links begin at the root.
    return {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_no_page_loads_anything_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    loads = [(str(path), one) for path, page in pages.items() for one in page.loads]
    assert len(loads) > 100
    assert [one for one in loads if urlsplit(one[1]).netloc] == []
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    imports = re.findall(r"(?:url\(|@import)\s*[\"']?\s*((?:https?:)?//[^\"') ]+)", "".join(styles))
    assert imports == []


def test_every_link_leads_to_a_page_and_a_place_that_there_are(pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for address in [*page.loads, *page.links]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(target)
            # The state of a page stands behind the same sign, as "#/item" or "#name=value".
            is_place = parts.fragment and not re.search(r"[/=]", parts.fragment)
            lost = known is not None and is_place and unquote(parts.fragment) not in known.places
            if not target.is_file() or lost:
                broken.append(f"{path.name}: {address}")
    assert broken == []


def test_every_command_every_public_name_and_every_schema_has_its_place(
    site: Path, pages: dict[Path, Page]
) -> None:
    for name, _ in all_commands():
        assert (site / "commands" / f"{'-'.join(name)}.html").is_file()
    assert [name for _, names in subjects() for name in names] == list(api.__all__)
    places = {
        place
        for path, page in pages.items()
        if path.parent.name == "python"
        for place in page.places
    }
    assert {f"emoreal_bench.api.{name}" for name in api.__all__} <= places
    for schema in (ROOT / "docs" / "schemas").glob("*.json"):
        assert (site / "schemas" / f"{schema.name.partition('.')[0]}.html").is_file()


def test_what_only_sphinx_reads_is_not_shown(site: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (site / "python").glob("*.html")]
    assert len(texts) > 5
    assert re.findall(r":(?:class|func|mod|attr|meth):", "".join(texts)) == []


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(
    "name", ["index.html", "commands/run.html", "python/models.html", "text-prior.html"]
)
def test_a_page_is_accessible_and_fits(
    open_at: OpenPage, site: Path, name: str, width: int, scheme: str
) -> None:
    page = open_at(
        (site / name).as_uri(), viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    # Its styles are files, which a page from disk may not read by itself.
    assert Axe().run(page, options={"preload": False}).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.browser
def test_the_search_finds_a_word_from_disk(open_at: OpenPage, site: Path) -> None:
    page = open_at((site / "index.html").as_uri(), viewport={"width": 1280, "height": 900})
    # Key by key: the page listens to keys, and looks once where it is given the focus.
    page.get_by_role("textbox", name="Search").press_sequentially("hallucination_rate")
    found = page.locator(".md-search-result__link").first
    expect(found).to_be_visible()
    found.click()
    expect(page.locator("h1")).to_be_visible()
    assert "index.html" not in page.url.rpartition("/")[2].partition("?")[0]


@pytest.mark.browser
@pytest.mark.parametrize("name", ["leaderboard", "run", "compare"])
def test_the_gallery_opens(open_at: OpenPage, site: Path, name: str) -> None:
    page = open_at((site / "gallery.html").as_uri())
    page.locator(f"a[href='gallery/{name}/index.html']").click()
    expect(page.locator("h1")).to_be_visible()
