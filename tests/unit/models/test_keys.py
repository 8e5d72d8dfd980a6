"""A key comes from the environment, or else from a keyring where there is one."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.remote.jobs import checked_name
from emoreal_bench.model_adapters.remote.keys import KEYRING_SERVICE, Key, find_key

SECRET = "sk-a-key-of-the-keyring"
VARIABLES = ("FIRST_TEST_KEY", "SECOND_TEST_KEY")


class KeyringError(Exception):
    """As the library's own base class."""


class KeyringLocked(KeyringError):  # noqa: N818 - the library's own name
    """As the library's."""


class FakeKeyring(ModuleType):
    """Stands for the library: what it holds, and what it was asked for."""

    def __init__(self, held: dict[str, str], trouble: KeyringError | None = None):
        super().__init__("keyring")
        self.asked: list[tuple[str, str]] = []
        self._held = held
        self._trouble = trouble

    def get_password(self, service: str, name: str) -> str | None:
        self.asked.append((service, name))
        if self._trouble is not None:
            raise self._trouble
        return self._held.get(name)


def install(monkeypatch: pytest.MonkeyPatch, keyring: FakeKeyring) -> FakeKeyring:
    errors = ModuleType("keyring.errors")
    monkeypatch.setattr(errors, "KeyringError", KeyringError, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return keyring


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither variable is set, and the library is not installed."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)


def test_the_environment_comes_first_and_the_keyring_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keyring = install(monkeypatch, FakeKeyring({VARIABLES[0]: SECRET}))
    monkeypatch.setenv(VARIABLES[1], " of-the-environment\n")
    key = find_key(VARIABLES, "openai/m", required=True)
    assert key == Key("of-the-environment", "the environment variable SECOND_TEST_KEY")
    assert keyring.asked == []


def test_a_keyring_is_asked_by_the_names_of_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = install(monkeypatch, FakeKeyring({VARIABLES[1]: f"{SECRET}\n"}))
    key = find_key(VARIABLES, "openai/m", required=True)
    assert key is not None
    assert key.value == SECRET
    assert VARIABLES[1] in key.source
    assert keyring.asked == [(KEYRING_SERVICE, name) for name in VARIABLES]


def test_a_variable_that_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeKeyring({VARIABLES[0]: SECRET}))
    monkeypatch.setenv(VARIABLES[0], " ")
    key = find_key(VARIABLES, "openai/m", required=True)
    assert key is not None
    assert key.value == SECRET


def test_what_is_printed_of_a_key_is_its_place_only() -> None:
    key = Key(SECRET, "somewhere")
    assert SECRET not in f"{key} {key!r}"


def test_a_missing_key_names_both_ways_of_giving_it() -> None:
    with pytest.raises(UsageError, match="openai/m needs a key") as caught:
        find_key(VARIABLES, "openai/m", required=True)
    remedy = caught.value.remedy
    assert remedy is not None
    assert "Set the environment variable FIRST_TEST_KEY or SECOND_TEST_KEY" in remedy
    assert "[keyring]" in remedy
    assert f"keyring set {KEYRING_SERVICE} FIRST_TEST_KEY" in remedy


def test_a_key_that_is_not_required_may_be_missing() -> None:
    assert find_key(VARIABLES, "http/m", required=False) is None


def test_a_keyring_that_cannot_be_read_is_said_without_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, FakeKeyring({}, KeyringLocked(SECRET)))
    with pytest.raises(UsageError, match="the keyring cannot be read: KeyringLocked") as caught:
        find_key(VARIABLES, "openai/m", required=True)
    assert SECRET not in str(caught.value)


def test_a_keyring_that_cannot_be_read_is_no_error_where_no_key_is_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, FakeKeyring({}, KeyringLocked()))
    assert find_key(VARIABLES, "http/m", required=False) is None


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("sk-first\nsk-second", "its character 9 of 18 is a line break"),
        ("sk-first\rsk-second", "its character 9 of 18 is a line break"),
        ("sk-kéy-of-mine", r"its character 5 of 14 is U\+00E9"),
        ("sk-\u200bkey", r"its character 4 of 7 is U\+200B"),
        ("“sk-key”", r"its character 1 of 8 is U\+201C"),
        ("sk-\x00key", r"its character 4 of 7 is U\+0000"),
        ("sk-\udc80key", r"its character 4 of 7 is U\+DC80"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "keyring"])
def test_a_key_that_no_line_of_http_can_hold_is_said_and_not_repeated(
    place: str, key: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setattr("os.environ", {VARIABLES[0]: key})
    else:
        install(monkeypatch, FakeKeyring({VARIABLES[0]: key}))
    with pytest.raises(UsageError, match=f"openai/m: the key in .*{place}.*{problem}") as caught:
        find_key(VARIABLES, "openai/m", required=True)
    assert "first" not in str(caught.value)
    assert "mine" not in str(caught.value)


def test_a_key_may_hold_every_sign_of_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = "".join(map(chr, range(33, 127)))
    monkeypatch.setenv(VARIABLES[0], f"{everything} x")
    key = find_key(VARIABLES, "openai/m", required=True)
    assert key is not None
    assert key.value == f"{everything} x"


def test_a_job_named_after_the_key_is_refused() -> None:
    assert checked_name("batch_123", SECRET) == "batch_123"
    with pytest.raises(UsageError, match="a name that holds the key") as caught:
        checked_name(f"batches/{SECRET}", SECRET)
    assert SECRET not in str(caught.value)
