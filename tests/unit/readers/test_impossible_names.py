"""Names that no disk can hold, as a table or an option may have them: there is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.file_names import in_other_case, path_on_disk


@pytest.mark.parametrize("name", ["half \ud800/é", "nothing \0/é", "half \ud800"])
def test_a_name_that_no_disk_can_hold_stays_as_it_was_named(name: str, tmp_path: Path) -> None:
    assert path_on_disk(tmp_path / name) == tmp_path / name
    assert in_other_case(tmp_path / name) is None


def test_a_path_of_a_thousand_folders_is_nothing(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("é", *"a" * 3000)
    assert path_on_disk(deep) == deep
    assert in_other_case(deep) is None
