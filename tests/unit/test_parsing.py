"""JSON and YAML from outside: a value, or one kind of error that says what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.parsing import UnreadableError, parse_json, parse_yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(VALUES)
def test_json_is_read_as_the_library_reads_it(value: object) -> None:
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == json.loads(text)
    assert parse_json(b"\xef\xbb\xbf" + text.encode()) == json.loads(text)


@given(st.binary() | st.text())
def test_anything_is_a_value_of_json_or_an_error_of_one_kind(content: str | bytes) -> None:
    with suppress(UnreadableError):
        parse_json(content)


@given(st.binary() | st.text())
def test_anything_is_a_value_of_yaml_or_an_error_of_one_kind(content: str | bytes) -> None:
    with suppress(UnreadableError):
        parse_yaml(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 100_000, "nested too deep"),
        ("1" * 5_000, "number that cannot be read"),
        ("NaN", "has no NaN"),
        ("[Infinity]", "has no Infinity"),
        (b'\xff\xfe{\x00"\x00', "UTF-8"),
        ("", "line 1, column 1"),
        ('{"a": 1,\n b}', "line 2, column 2"),
    ],
)
def test_what_is_wrong_with_json_is_said(content: str | bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        parse_json(content)


@pytest.mark.parametrize(
    "content",
    [
        "!!timestamp x",
        "!!int x",
        "!!float x",
        "!!bool x",
        "!!binary é",
        "[" * 20_000,
        "a: \x00",
        "2026-02-31",
        "!!python/object/apply:os.system [ls]",
        "? [a]\n: 1",
        "%YAML 9.9\n---\na",
        "*nowhere",
        "&a [*a]: 1",
        "1" * 5_000,
    ],
)
def test_odd_yaml_is_an_error_of_the_same_kind(content: str) -> None:
    with pytest.raises(UnreadableError):
        parse_yaml(content)


def test_a_few_lines_cannot_stand_for_billions_of_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(UnreadableError, match="more than 1,000,000 values"):
        parse_yaml("\n".join(lines))


def test_a_long_text_is_not_repeated_until_it_fills_the_memory() -> None:
    text = f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 2_000)}]"
    with pytest.raises(UnreadableError, match="more than 1,000,000 values"):
        parse_yaml(text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"a: 1{':1' * 100_000}", "more than 300 digits"),
        ("\n".join(f"{number * (2**61 - 1)}: x" for number in range(1_000)), "as a key"),
        (f"<<: {{{3 * (2**61 - 1)}: x}}", "as a key"),
    ],
    ids=["to the base of 60", "keys at one place of a dictionary", "merged keys"],
)
def test_numbers_that_take_the_square_of_their_length_are_refused(content: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        parse_yaml(content)


def test_numbers_are_read_where_they_are_meant() -> None:
    text = "length: 1:30:00\n7: seven\n-1: less\nlarge: 123456789012345678901234567890\n"
    assert parse_yaml(text) == yaml.safe_load(text)


def test_aliases_are_read_where_they_are_meant() -> None:
    text = "media: &media {frames: 8}\nfirst: {media: *media}\nsecond: {media: *media}\n"
    assert parse_yaml(text) == yaml.safe_load(text)


@pytest.mark.parametrize(
    "content",
    [
        "a: 1\nb: 2\na: 3\n",
        "x: {a: 1, 'a': 2}\n",
        "- {1: x, 1: y}\n",
        "d: &d {a: 1}\ne: {<<: *d, a: 2, a: 3}\n",
    ],
)
def test_a_key_of_yaml_that_comes_twice_is_refused_with_its_place(content: str) -> None:
    with pytest.raises(UnreadableError, match=r"says '[a1]' twice, the second time at line \d"):
        parse_yaml(content)


def test_a_key_may_stand_beside_what_is_merged() -> None:
    merged = parse_yaml("d: &d {a: 1}\nf: &f {b: 1}\ne: {<<: *d, <<: *f, a: 2}\n")["e"]
    assert merged == {"a": 2, "b": 1}
