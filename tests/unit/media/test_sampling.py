from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench.media.sampling import choose_frames, is_constant_rate

counts = st.integers(1, 40)
numbers = st.integers(1, 400)
rates = st.sampled_from([Fraction(10), Fraction(24), Fraction(25), Fraction(30000, 1001), 60])
ticks_per_second = st.sampled_from([1000, 12_800, 90_000])
uneven_times = st.lists(st.integers(1, 500), min_size=3, max_size=60).map(
    lambda gaps: [0, *np.cumsum(gaps).tolist()]
)


def rounded_times(number: int, rate: Fraction, per_second: int, start: int = 0) -> list[int]:
    return [start + round(index / rate * per_second) for index in range(number)]


def last_frame_begun(times: list[int], moment: Fraction) -> int:
    return max(index for index, time in enumerate(times) if time <= moment)


@given(numbers, counts, rates, ticks_per_second, st.integers(0, 5000))
def test_ends_at_a_constant_rate_are_the_papers_indices_whatever_the_ticks(
    number: int, count: int, rate: Fraction, per_second: int, start: int
) -> None:
    times = rounded_times(number, rate, per_second, start)
    chosen = choose_frames(times, times[-1] + 1, count, "ends")
    assert chosen.tolist() == np.linspace(0, number - 1, count, dtype=int).tolist()


@given(numbers, counts, rates, ticks_per_second)
def test_middles_at_a_constant_rate_are_the_frames_at_the_middle_of_each_stretch(
    number: int, count: int, rate: Fraction, per_second: int
) -> None:
    times = rounded_times(number, rate, per_second)
    chosen = choose_frames(times, times[-1] + 1, count, "middles")
    expected = [int(Fraction(2 * k + 1, 2 * count) * number) for k in range(count)]
    assert chosen.tolist() == expected


@given(uneven_times, st.integers(2, 40))
def test_ends_at_a_variable_rate_show_the_last_frame_begun_at_each_moment(
    times: list[int], count: int
) -> None:
    chosen = choose_frames(times, times[-1] + 40, count, "ends")
    if not is_constant_rate(times):
        moments = [Fraction(k * times[-1], count - 1) for k in range(count)]
        assert chosen.tolist() == [last_frame_begun(times, moment) for moment in moments]
    assert chosen[0] == 0
    assert chosen[-1] == len(times) - 1


@given(uneven_times, counts, st.integers(1, 500))
def test_middles_at_a_variable_rate_show_the_last_frame_begun_at_each_moment(
    times: list[int], count: int, last: int
) -> None:
    end = times[-1] + last
    chosen = choose_frames(times, end, count, "middles")
    if not is_constant_rate(times):
        moments = [Fraction((2 * k + 1) * end, 2 * count) for k in range(count)]
        assert chosen.tolist() == [last_frame_begun(times, moment) for moment in moments]


def test_a_pause_is_seen_for_as_long_as_it_lasts() -> None:
    times = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100]
    assert choose_frames(times, 101, 5, "ends").tolist() == [0, 8, 8, 8, 9]


def test_a_dropped_frame_is_no_constant_rate_even_where_a_tick_is_a_frame() -> None:
    assert is_constant_rate([0, 1, 2, 3, 4, 5])
    assert not is_constant_rate([0, 1, 2, 4, 5, 6])


def test_one_frame_serves_every_moment() -> None:
    assert choose_frames([7], 8, 3, "ends").tolist() == [0, 0, 0]
    assert choose_frames([7], 8, 3, "middles").tolist() == [0, 0, 0]
