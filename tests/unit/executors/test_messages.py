"""What machines of a cluster say, when it is not what they should."""

from __future__ import annotations

import pytest

from emoreal_bench.contracts.errors import RunError
from emoreal_bench.executors.messages import DecodeAnswer, Refusal, read_as
from emoreal_bench.executors.remote import Opened


@pytest.mark.parametrize("kind", [Opened, DecodeAnswer, Refusal])
@pytest.mark.parametrize("said", ["", "[]", '{"of_a_later_version": 1}', '{"place": 5, "x": NaN}'])
def test_what_another_version_says_is_told_with_the_remedy(
    kind: type[Opened | DecodeAnswer | Refusal], said: str
) -> None:
    with pytest.raises(RunError, match="Install the same version"):
        read_as(kind, said)


def test_a_clip_has_no_negative_frames() -> None:
    outline = (
        '{"outline": {"frames": [-1, 2, 2, 3], "samples": null, "sample_rate": 16000, '
        '"timestamps": [], "duration": 1, "level": null, "notes": [], "picture_start": 0}}'
    )
    with pytest.raises(RunError, match=r"outline\.frames\.0"):
        read_as(DecodeAnswer, outline)
