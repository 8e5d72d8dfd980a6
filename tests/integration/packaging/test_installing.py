"""What the pages, the workflows and the container say about installing is so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from emoreal_bench.version import __version__

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADDRESS = "https://code.example/o/n"


def test_each_extra_stands_on_the_page_with_what_it_is_for() -> None:
    table = PAGE.partition("\n## Extras")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(PROJECT["optional-dependencies"])


def test_no_page_or_example_installs_from_an_index_that_does_not_have_the_package() -> None:
    kinds = {".ipynb", ".md", ".py", ".toml", ".yaml", ".yml"}
    places = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*")]
    texts = [path.read_text(encoding="utf-8") for path in places if path.suffix in kinds]
    lines = [line for text in texts for line in text.splitlines()]
    installing = [line for line in lines if re.search(r"install.*emoreal-bench(\[|\b(?!/))", line)]
    assert len(installing) > 5
    wrong = [
        line
        for line in installing
        if re.search(r"install [^#]*?emoreal-bench(\[[^]]*\])?(?! ?@)['\s]", line)
    ]
    assert wrong == []


def workflow(name: str) -> dict[str, Any]:
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_the_matrix_is_that_of_the_page() -> None:
    pythons = workflow("test.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13", "3.14"]
    assert set(re.findall(r"^\| Linux x86-64 \| ([\d.]+) \|", PAGE, re.MULTILINE)) == set(pythons)
    assert PROJECT["requires-python"] == f">={pythons[0]}"


def test_a_publisher_gets_a_token_for_one_job_and_writes_nothing() -> None:
    release = workflow("release.yml")
    assert release["permissions"] == {"contents": "read"}
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "run" not in str(release["jobs"]["publish"]["steps"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what a release looks at."""
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "CITATION.cff"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "emoreal_bench").mkdir()
    shutil.copy(ROOT / "emoreal_bench" / "version.py", tmp_path / "emoreal_bench")
    return tmp_path


def release_step(checkout: Path, part: str, tag: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the release as the workflow states it."""
    (step,) = [
        step["run"]
        for step in workflow("release.yml")["jobs"]["build"]["steps"]
        if f".ci/release.py {part}" in step.get("run", "")
    ]
    command = step.replace("python .ci", f"'{sys.executable}' '{ROOT}/.ci")
    command = command.replace("release.py", "release.py'")
    return subprocess.run(
        ["bash", "-ec", command],
        cwd=checkout,
        env={"TAG": tag, "ADDRESS": ADDRESS, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def date(checkout: Path, day: str) -> None:
    changes = checkout / "CHANGELOG.md"
    text = changes.read_text(encoding="utf-8").replace("(unreleased)", f"({day})", 1)
    changes.write_text(text, encoding="utf-8")
    citation = checkout / "CITATION.cff"
    text = re.sub(r"date-released: .*", f"date-released: {day}", citation.read_text("utf-8"))
    citation.write_text(text, encoding="utf-8")


def test_a_version_whose_changes_are_dated_may_be_released(checkout: Path) -> None:
    date(checkout, "2027-01-31")
    done = release_step(checkout, "check", f"v{__version__}")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tag", "file", "old", "new", "said"),
    [
        ("v9.9.9", "README.md", "", "", "the version is not 9.9.9"),
        (f"v{__version__}", "CHANGELOG.md", "2027-01-31", "unreleased", "is dated 'unreleased'"),
        (f"v{__version__}", "CHANGELOG.md", f"## {__version__}", "## 0.0.9", "is 0.0.9, not"),
        (f"v{__version__}", "CITATION.cff", "2027-01-31", "2027-01-30", "The date"),
    ],
    ids=["another tag", "no date", "no section", "another date"],
)
def test_a_version_that_is_not_said_alike_is_not_released(
    tag: str, file: str, old: str, new: str, said: str, checkout: Path
) -> None:
    date(checkout, "2027-01-31")
    text = (checkout / file).read_text(encoding="utf-8")
    (checkout / file).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    done = release_step(checkout, "check", tag)
    assert done.returncode == 1, done.stderr
    assert said.lower() in done.stdout.lower()


def test_a_release_says_where_its_repository_is(checkout: Path) -> None:
    assert release_step(checkout, "addresses", "v1").returncode == 0
    urls = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    assert urls["Repository"] == ADDRESS
    assert urls["Documentation"] == f"{ADDRESS}/blob/v1/docs/index.md"
    assert PROJECT["urls"].items() < urls.items()
    links = re.findall(r"\]\(([^)]+)\)", (checkout / "README.md").read_text(encoding="utf-8"))
    assert f"{ADDRESS}/raw/v1/docs/images/leaderboard.png" in links
    assert f"{ADDRESS}/blob/v1/docs/install.md" in links
    assert all(link.startswith("https://") for link in links)


def test_the_container_calls_what_there_is() -> None:
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make ([\w./-]+)", lines)) - {"--no"}
    assert {"gpu-benchmark", ".venv/.installed-dev"} <= targets
    for target in targets:
        name = target.replace(".venv/", "$(VENV)/")
        assert re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE), target
    assert "python:3.11" in lines


@pytest.mark.long
def test_a_wheel_works_in_a_new_place(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    tried = [sys.executable, str(ROOT / ".ci" / "try_wheel.py"), str(tmp_path)]
    assert "works." in subprocess.run(tried, check=True, capture_output=True, text=True).stdout
