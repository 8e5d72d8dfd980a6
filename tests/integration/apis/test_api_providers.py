"""The providers of remote models in the table of all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emoreal_bench.contracts.errors import MissingExtraError, UsageError
from emoreal_bench.model_adapters import PROVIDERS, create_adapter
from tests.integration.apis.services import Service


@pytest.mark.parametrize(
    ("name", "extra"), [("http", "openai"), ("openai", "openai"), ("google", "google")]
)
def test_a_provider_names_the_extra_that_brings_its_sdk(name: str, extra: str) -> None:
    absent = replace(PROVIDERS[name], modules=("no_such_package.part",))
    with pytest.raises(MissingExtraError, match=rf"\[{extra}\]"):
        absent.load_factory()


@pytest.mark.parametrize("name", ["openai", "google"])
def test_the_example_of_a_provider_is_a_model_that_can_be_named(name: str) -> None:
    example = PROVIDERS[name].example
    assert create_adapter(example).describe().name == example


def test_an_unknown_argument_is_refused_with_those_there_are(service: Service) -> None:
    with pytest.raises(UsageError, match=r"(?s)unknown argument 'fsp'.*timeout") as caught:
        create_adapter(service.model, {"base_url": "http://127.0.0.1/v1", "fsp": "4"})
    assert service.model in str(caught.value)
