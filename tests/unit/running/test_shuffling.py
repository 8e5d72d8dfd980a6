"""Shuffled options: the same question under other letters."""

from __future__ import annotations

from collections import Counter

from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.item import Item
from emoreal_bench.running.shuffling import shuffle_choices


def make_items(count: int) -> list[Item]:
    texts = ["smile", "frown", "tears", "hat"]
    choices = tuple(f"({letter}) {text}" for letter, text in zip("ABCD", texts, strict=True))
    return [Item(f"q{i}", "basic", "Which?", choices, "ABCD"[i % 4], "x.mp4") for i in range(count)]


def gold_text(item: Item) -> str:
    return dict(split_choice(choice) for choice in item.choices)[item.answer]


def test_the_gold_letter_follows_its_text() -> None:
    items = make_items(40)
    shuffled = shuffle_choices(items, seed=3)
    assert [gold_text(item) for item in shuffled] == [gold_text(item) for item in items]


def test_letters_keep_their_order_and_texts_are_all_there() -> None:
    for item in shuffle_choices(make_items(40), seed=3):
        letters, texts = zip(*(split_choice(choice) for choice in item.choices), strict=True)
        assert letters == ("A", "B", "C", "D")
        assert sorted(texts) == ["frown", "hat", "smile", "tears"]


def test_each_letter_becomes_gold_about_equally_often() -> None:
    items = [Item(f"q{i}", "basic", "?", make_items(1)[0].choices, "A", "x") for i in range(4000)]
    counts = Counter(item.answer for item in shuffle_choices(items, seed=1))
    # Four standard deviations of a binomial with n = 4000 and p = 1/4 are 110.
    assert all(abs(counts[letter] - 1000) < 110 for letter in "ABCD")


def test_an_items_deal_does_not_depend_on_the_others() -> None:
    items = make_items(10)
    assert shuffle_choices(items, 5)[7] == shuffle_choices(items[7:], 5)[0]


def test_another_seed_deals_otherwise() -> None:
    items = make_items(40)
    assert shuffle_choices(items, 1) != shuffle_choices(items, 2)


def test_without_a_seed_nothing_changes() -> None:
    items = make_items(3)
    assert shuffle_choices(items, None) is items
