"""A checkpoint must not become worse. ``data`` is a folder with EmoReAlM in it."""

from __future__ import annotations

from pathlib import Path

from pytest_emoreal_bench import HoldToBaseline

HERE = Path(__file__).parent


def test_the_checkpoint_has_not_become_worse(hold_to_baseline: HoldToBaseline) -> None:
    """Fails with the rules that are broken."""
    hold_to_baseline(HERE / "baseline.json", task="emorealm", data=HERE / "data")
