"""A model's name leads to its adapter, and a wrong one to a message that helps."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.model_adapters import (
    PROVIDERS,
    Provider,
    create_adapter,
    list_providers,
    providers,
)


def test_the_name_of_an_adapter_is_the_name_that_was_asked_for() -> None:
    assert create_adapter("baseline/last-choice").describe().name == "baseline/last-choice"


@pytest.mark.parametrize("name", ["gpt", "baseline/", ""])
def test_a_name_without_provider_and_model_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="provider/model"):
        create_adapter(name)


def test_a_misspelt_provider_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'baseline'"):
        create_adapter("basline/random")


def test_a_misspelt_model_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="Did you mean 'first-choice'"):
        create_adapter("baseline/first-choise")


def test_an_unknown_argument_is_named_with_the_valid_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown argument 'sed'(.|\n)*seed \(default 0\)"):
        create_adapter("baseline/random", {"sed": "1"})


def test_a_wrong_value_is_named_with_what_it_got() -> None:
    with pytest.raises(UsageError, match="argument 'seed' got 'x'"):
        create_adapter("baseline/random", {"seed": "x"})


def test_an_adapter_without_arguments_says_that_it_has_none() -> None:
    with pytest.raises(UsageError, match="Valid arguments: none"):
        create_adapter("baseline/first-choice", {"seed": "1"})


def test_a_provider_whose_extra_is_absent_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = Provider(
        "absent", "nowhere:create", "", "absent/x", extra="hf", modules=("no_such_module_here",)
    )
    monkeypatch.setattr(providers, "PROVIDERS", {**PROVIDERS, "absent": absent})
    with pytest.raises(MissingExtraError, match=r"emoreal-bench\[hf\]"):
        create_adapter("absent/x")


def test_a_lora_adapter_is_refused_where_it_cannot_be_used() -> None:
    with pytest.raises(UsageError, match="LoRA"):
        create_adapter("baseline/random", lora=Path("somewhere"))


FOREIGN = Provider(
    "foreign",
    "emoreal_bench.model_adapters.built_in.baselines:create",
    "Another package's.",
    "foreign/x",
)


def _install(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entry = EntryPoint("foreign", value, providers.ENTRY_POINT_GROUP)

    def fake_entry_points(**select: Any) -> EntryPoints:
        return EntryPoints([entry]).select(**select)

    monkeypatch.setitem(sys.modules, "foreign_package", sys.modules[__name__])
    for module in ("emoreal_bench.entry_points", providers.__name__):
        monkeypatch.setattr(f"{module}.entry_points", fake_entry_points)


def test_another_package_adds_a_provider_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "foreign_package:FOREIGN")
    assert create_adapter("foreign/first-choice").describe().name == "foreign/first-choice"
    assert [provider.name for provider in list_providers()] == [*PROVIDERS, "foreign"]


def test_an_entry_point_that_is_no_provider_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "foreign_package:_install")
    with pytest.raises(UsageError, match="does not name a Provider"):
        create_adapter("foreign/x")


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_example_belongs_to_its_provider(provider: Provider) -> None:
    assert provider.example.startswith(f"{provider.name}/")
    assert not provider.closed or provider.example.partition("/")[2] in provider.models


def test_describing_a_baseline_imports_no_heavy_library() -> None:
    program = (
        "import sys, json\n"
        "from emoreal_bench.model_adapters import create_adapter, list_providers\n"
        "list_providers(); create_adapter('baseline/random').describe()\n"
        "heavy = {'torch', 'transformers', 'numpy', 'av', 'sklearn', 'PIL'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(output) == []
