"""Pages of the documentation that messages name are named where they lie on this disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emoreal_bench.cli.application import run
from emoreal_bench.resources import docs_folder, with_whole_paths

ROOT = Path(__file__).resolve().parents[3]


def test_an_error_names_a_page_that_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.yaml").write_text("nonsense: 1\n", encoding="utf-8")
    run(["sweep", "sweep.yaml"])
    (page,) = re.findall(
        r"^  (/.+/docs/sweeps\.md) describes", capsys.readouterr().err, re.MULTILINE
    )
    assert Path(page).is_file()


def test_a_list_says_where_the_folder_is(capsys: pytest.CaptureFixture[str]) -> None:
    run(["list", "models"])
    assert f"docs/ is {docs_folder()}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["docs/Other.md", "/home/me/docs/tasks.md", "https://ollama.com/docs/api.md", "tasks.md"],
)
def test_what_is_no_page_of_ours_stays(text: str) -> None:
    assert with_whole_paths(text) == text


def test_every_page_that_a_message_names_is_there() -> None:
    folders = [ROOT / "emoreal_bench", ROOT / "model_adapters"]
    sources = [path.read_text(encoding="utf-8") for one in folders for path in one.rglob("*.py")]
    named = {page for text in sources for page in re.findall(r"(?<![\w/])docs/([a-z-]+\.md)", text)}
    assert named
    assert all((ROOT / "docs" / page).is_file() for page in named)
