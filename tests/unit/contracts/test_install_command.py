"""The hint for a missing extra is a command that works from where this package came."""

from __future__ import annotations

import json
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import emoreal_bench
from emoreal_bench.contracts.errors import MissingExtraError, install_command

COMMIT = "1e144d2f3a4b5c6d7e8f90123456789abcdef012"
GIT = {"vcs": "git", "commit_id": COMMIT}


def note(site: Path, monkeypatch: pytest.MonkeyPatch, record: dict[str, Any] | None) -> None:
    """Make an installation of which the installer noted this."""
    folder = site / "emoreal_bench-0.1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: emoreal-bench\nVersion: 0.1.0\n")
    if record is not None:
        (folder / "direct_url.json").write_text(json.dumps(record), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (None, None),
        ({"url": "https://h/p.git", "vcs_info": GIT}, f"git+https://h/p.git@{COMMIT}"),
        ({"url": "file:///a%20b/x.whl", "archive_info": {}}, "file:///a%20b/x.whl"),
        ({"url": "file:///a%20b", "dir_info": {}}, "file:///a%20b"),
    ],
    ids=["from an index", "from git", "from a wheel", "from a checkout"],
)
def test_an_extra_comes_from_where_the_package_came(
    record: dict[str, Any] | None,
    source: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note(tmp_path, monkeypatch, record)
    *pip, words = shlex.split(install_command("hf"))
    assert pip == ["pip", "install"]
    requirement = Requirement(words)
    assert (requirement.name, requirement.extras) == ("emoreal-bench", {"hf"})
    assert requirement.url == source


@pytest.mark.parametrize("name", ["checkout", "of m\N{LATIN SMALL LETTER U WITH DIAERESIS} 'x'"])
def test_an_editable_install_stays_editable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / name
    record = {"url": checkout.as_uri(), "dir_info": {"editable": True}}
    note(tmp_path / "site", monkeypatch, record)
    assert shlex.split(install_command("hf")) == ["pip", "install", "-e", f"{checkout}[hf]"]


def test_sources_that_nobody_installed_are_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", nothing)
    sources = Path(emoreal_bench.__file__).resolve().parents[1]
    assert (sources / "pyproject.toml").is_file()
    assert shlex.split(install_command("hf,synth")) == [
        *("pip", "install", "-e"),
        f"{sources}[hf,synth]",
    ]


def test_the_error_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note(tmp_path, monkeypatch, None)
    assert "pip install 'emoreal-bench[hf]'" in str(MissingExtraError("The model", "hf"))
