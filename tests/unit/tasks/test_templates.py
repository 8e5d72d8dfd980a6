"""A task file's template is rendered within bounds, or refused with its file and variant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emoreal_bench.catalog import load_task
from emoreal_bench.contracts.errors import TaskError
from emoreal_bench.contracts.item import Item
from emoreal_bench.prompting import PromptRenderer
from emoreal_bench.templates import BoundedTemplate
from tests.unit.tasks.test_catalog import write

ITEM = Item("q7", "modality_agreement", "Is she sad?", ("(A) Yes", "(B) No"), "A", "x.mp4")
VALUES = {"question": "Is she sad?", "choices": ("(A) Yes", "(B) No"), "labels": ("sad", "glad")}


def nested(opening: str, closing: str, times: int) -> str:
    return opening * times + closing * times


def doubled(first: str, next_one: str) -> str:
    """Make a name hold twice what it held, 60 times."""
    return f"{{% set a = {first} %}}" + f"{{% set a = {next_one} %}}" * 60 + "{{ a }}"


def searched(step: str) -> str:
    """Do something with a long text, many times."""
    return f"{{% set a = '{'x' * 30_000}' %}}{{% set b = '{'x' * 3_000}y' %}}" + step * 500


IMPOSSIBLE = {
    "division by nothing": "{{ 1 // 0 }}",
    "a test by nothing": "{{ 3 is divisibleby 0 }}",
    "no such element": "{{ labels[5] }}",
    "no such name": "{{ qestion }}",
    "kinds that do not go together": "{{ labels + 1 }}",
    "another file": "{% include 'x' %}",
    "another file to grow from": "{% extends 'x' %}",
    "another file's macros": "{% import 'x' as x %}",
    "python's objects": "{{ question.__class__ }}",
    "python's objects by a filter": "{{ question | attr('__class__') }}",
    "not jinja": "{{ question",
    "a number too long to read": "{{ " + "9" * 5000 + " }}",
}
ENDLESS = {
    "a text many times": "{{ 'A' * 10**10 }}",
    "a text made wide": "{{ 'A'.center(10**10) }}",
    "a text made wide by a filter": "{{ 'A' | center(10**10) }}",
    "a number made wide": "{{ '%9999999999d' % 1 }}",
    "a number made wide by a filter": "{{ '%9999999999d' | format(1) }}",
    "a number made wide by a method": "{{ '{:>9999999999}'.format(1) }}",
    "a number made wide by an argument": "{{ '%*d' | format(10**9, 1) }}",
    "a number made long by a filter": "{{ '%.9999999999f' | format(1) }}",
    "a number made wide by name": "{{ '%(a)9999999999d' | format(a=1) }}",
    "wide numbers by a map": "{{ ['%9999999999d'] | map('format', 1) | join }}",
    "a rounding by name": "{{ 1 | round(method='ceil', precision=10**9) }}",
    "a text doubled in a name's place": (
        "{% set n = namespace(a='x') %}" + "{% set n.a = n.a ~ n.a %}" * 60 + "{{ n.a }}"
    ),
    "lists doubled in a name's place": (
        "{% set n = namespace(a=['x']) %}" + "{% set n.a = [n.a, n.a] %}" * 60 + "{{ n.a }}"
    ),
    "a name's place inside itself": "{% set n = namespace() %}{% set n.a = [n] %}{{ n.a }}",
    "a large power": "{{ 2**10**9 }}",
    "a power of powers": "{{ 9**9**9**9 }}",
    "a rounding by a large power": "{{ 1 | round(10**9, 'floor') }}",
    "a long loop": "{% for i in range(10**9) %}{% endfor %}",
    "loops in loops": nested("{% for i in range(1000) %}", "{% endfor %}", 5),
    "loops over what is given": nested("{% for c in question %}", "{% endfor %}", 15),
    "a loop that calls itself": ("{% for c in labels recursive %}{{ loop(labels) }}{% endfor %}"),
    "long text in a loop": "{% for i in range(1000) %}" + "y" * 50_000 + "{% endfor %}",
    "long text in a loop in a filter": (
        "{% filter upper %}{% for i in range(1000) %}"
        + "y" * 50_000
        + "{% endfor %}{% endfilter %}"
    ),
    "a constant in a loop": ("{% for i in range(1000) %}{{ '" + "y" * 50_000 + "' }}{% endfor %}"),
    "a text doubled": doubled("'x'", "a ~ a"),
    "a list doubled": doubled("['x']", "a + a"),
    "a list of lists": doubled("['x']", "[a, a]"),
    "a mapping of mappings": doubled("{'x': 1}", "{'x': a, 'y': a}"),
    "a text replaced by itself": doubled("'xx'", "a | replace('x', a)"),
    "a text joined by itself": doubled("'xx'", "a | join(a)"),
    "a text replaced by name": (
        "{{ '" + "x" * 30_000 + "' | replace(new='" + "y" * 30_000 + "', old='x') }}"
    ),
    "a text in every place of a format": (
        "{{ '" + "%(a)s" * 6_000 + "' | format(a='" + "x" * 60_000 + "') }}"
    ),
    "many steps in a loop": (
        "{% for i in range(1000) %}" + "{% set a = 1 %}" * 5_000 + "{% endfor %}"
    ),
    "many texts compared": searched("{% if b in a %}{% endif %}"),
    "many texts tested": searched("{% if b is in a %}{% endif %}"),
    "many texts turned around": searched("{% set c = a[::-1] %}"),
    "a macro that calls itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "a macro that calls itself twice": (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}"
    ),
    "words of nothing": "{{ lipsum(n=10**6) }}",
    "brackets": "{{ " + nested("(", ")", 5000) + " }}",
    "lists": "{{ " + nested("[", "]", 5000) + " }}",
    "blocks": nested("{% if 1 %}", "{% endif %}", 2000),
    "a long sum": "{{ " + "1+" * 20_000 + "1 }}",
    "a long template": "x" * 200_000,
}


@pytest.mark.parametrize(
    "template", [*IMPOSSIBLE.values(), *ENDLESS.values()], ids=[*IMPOSSIBLE, *ENDLESS]
)
def test_a_template_that_cannot_be_rendered_is_named_with_its_variant(
    tmp_path: Path, template: str
) -> None:
    path = write(tmp_path, template=template)
    with pytest.raises(TaskError, match=r"ask\.j2 \(variant answer-format\): The prompt templ"):
        PromptRenderer(load_task(path), "answer-format", ()).text(ITEM)


def test_no_template_takes_a_machine_s_memory() -> None:
    """All of them together, in a process that may not have half a gigabyte."""
    program = (
        "import resource\n"
        "from emoreal_bench.contracts.errors import TaskError\n"
        "from emoreal_bench.templates import BoundedTemplate\n"
        "from tests.unit.tasks.test_templates import ENDLESS, VALUES\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 29, 1 << 29))\n"
        "for template in ENDLESS.values():\n"
        "    try:\n"
        "        BoundedTemplate(template, 'f').render(VALUES, 'q')\n"
        "    except TaskError as error:\n"
        "        print(error.problem)\n"
    )
    if sys.platform == "win32":
        pytest.skip("no limit on the memory of a process")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert len(done.stdout.splitlines()) == len(ENDLESS)
    assert "MemoryError" not in done.stdout


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{{ question }}{% for c in choices %} {{ loop.index }}/{{ loop.length }} {{ c }}"
            "{{ ';' if not loop.last }}{% endfor %}",
            "Is she sad? 1/2 (A) Yes; 2/2 (B) No",
        ),
        ("{{ labels | map('upper') | join(', ') }}", "SAD, GLAD"),
        ("{{ question.lower() | title }} {{ 1 + 2 * 3 }} {{ 'a' ~ 1 }}", "Is She Sad? 7 a1"),
        ("{% for a, b in [(1, 2), (3, 4)] %}{{ a }}{{ b }}{% endfor %}", "1234"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(question) }}", "<Is she sad?>"),
        ("{% set n = labels | length %}{{ n }} {{ question[:2] }}", "2 Is"),
        (
            "{% set n = namespace(i=0) %}{% for c in choices %}{% set n.i = n.i + 2 %}{% endfor %}"
            "{{ n.i }}",
            "4",
        ),
        ("{{ 2.345 | round(2) }} {{ 7 | round }} {{ 2.5 | round(0, 'ceil') }}", "2.35 7 3.0"),
        (
            "{{ '%03d of %s, %5.1f %%' | format(7, question, 99.54) }}",
            "007 of Is she sad?,  99.5 %",
        ),
        ("{{ '%(a)s-%(b)-4s|' | format(a='x', b=1) }}", "x-1   |"),
        ("{{ 2**8 }} {{ 7 % 4 }} {{ other | default('none') }}", "256 3 none"),
    ],
)
def test_what_prompts_need_is_there(template: str, text: str) -> None:
    assert BoundedTemplate(template, "f").render(VALUES, "q") == text


def test_what_is_given_may_be_long() -> None:
    question = "why? " * 1_000_000
    rendered = BoundedTemplate("{{ question }}!", "f").render({"question": question}, "q")
    assert rendered == question + "!"


def test_each_rendering_has_the_whole_allowance() -> None:
    template = BoundedTemplate("{% for i in range(900) %}{{ i }},{% endfor %}", "f")
    assert len({template.render({}, str(number)) for number in range(50)}) == 1


def test_a_template_that_is_no_text_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, template="{{ question }}")
    (tmp_path / "ask.j2").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(TaskError, match=r"ask\.j2 \(variant answer-format\).*cannot be read"):
        PromptRenderer(load_task(path), "answer-format", ())
