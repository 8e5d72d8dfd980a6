"""What stands in the place of a command's files is not followed, not believed, and named."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path
from typing import Any, TypeVar

import pytest

from emoreal_bench.contracts.errors import ExitCode
from tests.faults.breaking import Workplace
from tests.faults.commands import Command, by_name
from tests.faults.conftest import GiveOnce, Make

VICTIM = b"of somebody else"
QUICK_PLACES = 2
quick = by_name(lambda one: not one.is_slow)
TYPED = (ExitCode.USAGE, ExitCode.INCOMPLETE, ExitCode.NOT_COMPARABLE)
DRAFTS = ("{}", "{}.draft", ".{}.draft", "{}.part", ".{}.part", "{}.tmp", "{}.lock")
"""Names that a writer might use on the way to a file."""


def truncated(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"x")
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


def with_lines_of_windows(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def of_an_older_schema(path: Path) -> None:
    path.write_bytes(re.sub(rb'"(schema\w*|version)": ?\d+', rb'"\1":0', path.read_bytes()))


def of_something_else(path: Path) -> None:
    path.write_bytes(b'{"made": "by another program"}\n')


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "letter").write_bytes(VICTIM)


def a_link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


DAMAGES = (
    truncated,
    empty,
    flipped,
    with_lines_of_windows,
    of_an_older_schema,
    of_something_else,
    a_folder,
    a_link_to_itself,
)
Case = TypeVar("Case")


def sample(one: Command, cases: list[Case], most: int | None) -> list[Case]:
    if most is None or len(cases) <= most:
        return cases
    return random.Random(one.name).sample(cases, most)


def files_of(place: Workplace) -> list[Path]:
    """Return what was written, from the home on."""
    return sorted(path.relative_to(place.home) for path in place.out.rglob("*") if path.is_file())


def check_links(one: Command, workplace: Make, whole: Workplace, most: int | None) -> None:
    """Check that no link is followed that is planted where a command writes."""
    for name in sample(one, files_of(whole), most):
        place = workplace(one)
        victim = place.home / "victim"
        victim.write_bytes(VICTIM)
        (place.home / name).parent.mkdir(parents=True, exist_ok=True)
        for draft in DRAFTS:
            (place.home / name).with_name(draft.format(name.name)).symlink_to(victim)
        code, _ = check_ended(place, name)
        assert victim.read_bytes() == VICTIM, name
        # The folders too, from the innermost on: some commands want an empty one.
        for path in sorted(place.out.rglob("*"), reverse=True):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        if code != ExitCode.DONE:
            place.finish()
        assert place.snapshot() == whole.snapshot(), name


def check_ended(place: Workplace, what: object) -> tuple[int | None, str]:
    """Give the command; check that it ends in success or with an error of its own."""
    process = place.start()
    errors = process.wait()
    assert process.returncode in TYPED or process.returncode == ExitCode.DONE, (what, errors)
    assert "Traceback" not in errors, (what, errors)
    return process.returncode, errors


@quick
def test_no_planted_link_is_followed(one: Command, workplace: Make, unbroken: GiveOnce) -> None:
    check_links(one, workplace, unbroken(one).place, QUICK_PLACES)


@pytest.mark.long
@pytest.mark.timeout(3600)
@by_name()
def test_no_planted_link_is_followed_anywhere(
    one: Command, workplace: Make, unbroken: GiveOnce
) -> None:
    check_links(one, workplace, unbroken(one).place, None)


_PUT_ASIDE = re.compile(r"(^|/)damaged-(checkpoint-|adapter/)")


def check_damage(one: Command, workplace: Make, whole: Workplace, most: int | None) -> None:
    """Check that a damaged file of an earlier time is mended, kept as it is, or named."""
    right = whole.snapshot()
    cases = [(name, damage) for name in files_of(whole) for damage in DAMAGES]
    for name, damage in sample(one, cases, most):
        what = f"{damage.__name__}: {name}"
        place = workplace(one)
        shutil.copytree(whole.out, place.out)
        path = place.home / name
        damage(path)
        damaged = place.snapshot().get(key := name.relative_to("out").as_posix())
        content = path.read_bytes() if path.is_file() else None
        code, errors = check_ended(place, what)
        found = as_if_not_put_aside(place.snapshot())
        found_here = found.pop(key, None)
        if code == ExitCode.DONE:
            assert found_here in (right.get(key), damaged), what
            # What cannot be mended whole is kept aside, and a folder may stay as it is.
            assert found.pop(f"{key}.damaged-1", content) == content, what
            if damage is a_folder:
                assert found.pop(f"{key}/letter", VICTIM) == VICTIM, what
            assert found == {other: right[other] for other in right if other != key}, what
        else:
            assert name.name in errors or place.is_done_before(errors), (what, errors)


def as_if_not_put_aside(found: dict[str, Any]) -> dict[str, Any]:
    """Bring files of a damaged checkpoint or adapter back where no better one took its place."""
    aside = {
        _PUT_ASIDE.sub(r"\1\2", name): found[name] for name in found if _PUT_ASIDE.search(name)
    }
    return aside | {name: found[name] for name in found if not _PUT_ASIDE.search(name)}


@quick
def test_a_damaged_file_is_mended_or_named(
    one: Command, workplace: Make, unbroken: GiveOnce
) -> None:
    check_damage(one, workplace, unbroken(one).place, QUICK_PLACES)


@pytest.mark.long
@pytest.mark.timeout(3600)
@by_name()
def test_every_damaged_file_is_mended_or_named(
    one: Command, workplace: Make, unbroken: GiveOnce
) -> None:
    check_damage(one, workplace, unbroken(one).place, None)
