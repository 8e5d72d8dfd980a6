"""A key is not seen in any form in which somebody may repeat it, and no other text is changed."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.hiding import HIDDEN, hide, hide_in, hide_known, holds_key, is_key_name, keys_in
from emoreal_bench.model_adapters.arguments import refuse_keys

PLAIN = "sk-proj-Zq7Lw2Rk9Tb4Xv1Nm6Hc"
ODD = 'sk/Zq7+Lw2=Rk9 "Tb4&Xv1<Nm6Hc'
"""It looks another way in every form."""
DATA = PLAIN.encode()
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in capitals": str.upper,
    "for an address": lambda key: quote(key, safe=""),
    "for a path": quote,
    "for an address, in small letters": lambda key: quote(key, safe="").lower(),
    "every byte for an address": lambda key: "".join(f"%{byte:02X}" for byte in key.encode()),
    "in JSON": lambda key: json.dumps(key)[1:-1],
    "in JSON, slashes too": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "in HTML": html.escape,
    "in hexadecimal digits": lambda key: key.encode().hex(),
    "in hexadecimal capitals": lambda key: key.encode().hex().upper(),
    "in base64": lambda key: base64.b64encode(key.encode()).decode(),
    "in base64 for addresses": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "after a name in base64": lambda key: base64.b64encode(b"user:" + key.encode()).decode(),
    "between others in base64": lambda key: base64.b64encode(f"a:{key}:b".encode()).decode(),
    "in base64 for an address": lambda key: quote(base64.b64encode(key.encode()), safe=""),
    "by line breaks": lambda key: "\n".join((key[:5], key[5:7], key[7:])),
    "by escaped line breaks": lambda key: "\\r\\n".join((key[:5], key[5:])),
    "by a line break in an address": lambda key: "%0A".join((key[:5], key[5:])),
    "letter by letter": " ".join,
    "in lines of base64": lambda key: base64.encodebytes(key.encode() * 4).decode(),
}


def longest_common_part(text: str, form: str) -> int:
    """Return how many characters of the form in a row are in the text, line breaks aside."""
    text, form = "".join(text.split()).lower(), "".join(form.split()).lower()
    return max(
        (
            length
            for start in range(len(form))
            for length in range(1, len(form) - start + 1)
            if form[start : start + length] in text
        ),
        default=0,
    )


@pytest.mark.parametrize("key", [PLAIN, ODD])
@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_hidden_in_every_form(form: str, key: str) -> None:
    said = FORMS[form](key)
    shown = hide(f"The service says ({said}) of you.", [key])
    assert HIDDEN in shown
    assert shown.startswith("The service says (")
    assert shown.endswith(") of you.")
    # Of base64 the digits that hold a neighbour's bits stay.
    assert longest_common_part(shown, said) < 8


@pytest.mark.parametrize(
    "said",
    [
        PLAIN[:8] + "...",
        PLAIN[:5] + "..." + PLAIN[-2:],
        PLAIN[:3] + "*********" + PLAIN[-4:],
        PLAIN[:4] + "…" + PLAIN[-4:],
        "XXXXXXXX" + PLAIN[-4:],
        PLAIN[:7] + "[redacted]" + PLAIN[-3:],
        PLAIN[:12] + "********" + PLAIN[-5:],
    ],
)
def test_what_a_service_leaves_of_a_key_is_hidden_too(said: str) -> None:
    shown = hide(f"Incorrect key: {said}, find yours at the service.", [PLAIN])
    assert shown.startswith("Incorrect key: ")
    assert shown.endswith(" find yours at the service.")
    assert longest_common_part(shown, PLAIN[:7]) < 3
    assert PLAIN[-2:] not in shown


@pytest.mark.parametrize("length", range(8, len(PLAIN)))
def test_any_eight_characters_in_a_row_are_hidden(length: int) -> None:
    for start in range(len(PLAIN) - length + 1):
        assert hide(f"<{PLAIN[start : start + length]}>", [PLAIN]) == f"<{HIDDEN}>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The person smiles... and the voice is bright.",
        "(A)\n\n  two lines\tand  spaces ***",
        "sk-",
        PLAIN[:7],
        "İstanbul\\nnabla %0A \u017f\u2028",
        "x" * 10_000,
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert hide(text, [PLAIN, ODD, "secret", ""]) == text


def test_a_short_key_is_hidden_as_a_whole() -> None:
    assert hide("a hunter2 b hunter", ["hunter2"]) == f"a {HIDDEN} b hunter"


def test_two_keys_in_one_text_are_both_hidden() -> None:
    other = "AIza-another-key-0987"
    assert hide(f"{PLAIN} {other} {PLAIN}", [PLAIN, other]) == f"{HIDDEN} {HIDDEN} {HIDDEN}"


def test_keys_are_hidden_in_everything_that_json_holds() -> None:
    said = {"a": [PLAIN, 1, None, {"b": True}], PLAIN: 0.5}
    assert hide_in(said, [PLAIN]) == {"a": [HIDDEN, 1, None, {"b": True}], HIDDEN: 0.5}


KEY_NAMES = [
    "OPENAI_API_KEY",
    "HF_TOKEN",
    "MY_SECRET",
    "db_password",
    "GH_PAT",
    "AWS_ACCESS_KEY_ID",
    "KEY",
    "OPENAI_KEY_2",
    "SERVICE_CREDENTIALS",
    "X_AUTH",
    "SESSION_COOKIE",
    "MYSQL_PASS",
]
OTHER_NAMES = [
    "PATH",
    "HOME",
    "MONKEY",
    "KEYBOARD",
    "TOKENIZERS_PARALLELISM",
    "SECRETARY",
    "COMPASS",
    "AUTHOR",
]


def test_variables_that_hold_keys_are_known_by_their_names() -> None:
    assert [name for name in KEY_NAMES if not is_key_name(name)] == []
    assert [name for name in OTHER_NAMES if is_key_name(name)] == []


def test_the_keys_of_an_environment_are_values_of_such_names_and_passwords_in_addresses(
    tmp_path: Path,
) -> None:
    found = keys_in(
        {
            "A_KEY": PLAIN,
            "B_TOKEN": "short",
            "KEY": str(tmp_path),  # where a key lies is no key
            "https_proxy": "http://me:pass/word-of-proxy@host:1",
            "HOME": "/home/somebody",
        }
    )
    assert found == ("pass/word-of-proxy", PLAIN)


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("http://me:p%40ss%2Fword%21long@host:1", ["me:p@ss/word!long", "p%40ss%2Fword%21long"]),
        ("http://me:p@ss:word-of-proxy@host:1/?a=b@c", ["me:p@ss:word-of-proxy"]),
        ("socks5://:only-a-password@host:1", [":only-a-password"]),
        ("https://0token1as2a3name4@host", ["0token1as2a3name4:"]),
        ("https://0token1as2a3name4:x-oauth-basic@host", ["0token1as2a3name4:x-oauth-basic"]),
        ("http://me:first-password@a http://me:second-password@b", ["me:second-password"]),
    ],
)
def test_a_login_in_an_address_is_hidden_as_it_is_written_and_as_it_is_sent(
    address: str, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", address)
    for login in sent:
        secret = login.partition(":")[2] or login.rstrip(":")
        said = f"{login} {base64.b64encode(login.encode()).decode()}"
        assert not any(secret[at : at + 8] in hide_known(said) for at in range(len(secret) - 7))
        assert base64.b64encode(login.encode()).decode() not in hide_known(said)


def test_the_name_of_a_person_in_an_address_is_no_key() -> None:
    assert (
        keys_in({"REMOTE": "https://somebody-with-a-long-name@host/a", "X": "see http://a"}) == ()
    )


def test_the_environment_is_looked_into_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert hide_known(PLAIN) == PLAIN
    monkeypatch.setenv("CANARY_KEY", PLAIN)
    assert hide_known(PLAIN) == HIDDEN


WRITTEN = {
    "extra": {"api_key": "x"},
    "headers": {"Authorization": "Bearer abcdef"},
    "header": {"X-Api-Key": "abc"},
    "query": "http://host/v1?api_key=abc",
    "path": "http://host/sk-proj-Zq7Lw2Rk9Tb4Xv1/v1",
    "command": "python worker.py --api-key abcdef",
    "variable": "SERVICE_TOKEN=abc python worker.py",
    "beginning": "hf_Zq7Lw2Rk9Tb4Xv1Nm6",
    "password": "x",
    "deep": {"a": [{"b": {"access_token": "x"}}]},
}


@pytest.mark.parametrize("name", WRITTEN)
def test_an_argument_that_holds_a_key_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(UsageError, match=f"the argument '{name}' holds a key") as caught:
        refuse_keys({"model": "m", name: WRITTEN[name]}, "http/m")
    assert "Zq7" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("form", FORMS)
def test_an_argument_that_holds_a_key_of_the_environment_is_refused(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_KEY", "Zq7Lw2Rk9Tb4Xv1Nm6HcPj5")  # like no key that is known
    with pytest.raises(UsageError, match="holds a key"):
        refuse_keys({"note": FORMS[form]("Zq7Lw2Rk9Tb4Xv1Nm6HcPj5")}, "http/m")


@pytest.mark.parametrize(
    "arguments",
    [
        {"key_variable": "OPENAI_API_KEY", "base_url": "http://localhost:8000/v1"},
        {"model": "Qwen/Qwen2.5-Omni-7B", "extra": {"max_tokens": 100, "keys": [1, 2]}},
        {"command": "conda run -n old python worker.py", "transcripts": "said.json"},
        {"base_url": "https://api.example.org/v1beta/openai", "tokenizer": "sk-learn"},
    ],
)
def test_other_arguments_are_taken(arguments: dict[str, object]) -> None:
    refuse_keys(arguments, "http/m")
    assert not any(holds_key(str(value)) for value in arguments.values())
