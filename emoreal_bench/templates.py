"""Renders the prompts of task files, which others write, within bounds of work and memory.

Jinja's sandbox keeps a template from the objects of Python; it does not keep it from endless
loops and endless text. Here each step costs what it handles, and a template that has spent its
allowance is stopped: every round of a loop, every filter, test, operator and comparison, and every
text that is joined or cut.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, cast

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from emoreal_bench.contracts.errors import TaskError

_ALLOWANCE = 2_000_000
"""Characters that a rendering may handle, about, beside those given; a prompt has thousands."""
_STEP = 100
"""What a step costs beside the characters that it handles."""
_LONGEST_TEMPLATE = 100_000
_LARGEST_RANGE = 1_000
_LARGEST_BITS = 1_024
"""Of a whole number."""
_LARGEST_POWER = 64
"""The exponent times the bits of the longer number."""
_FILTERS = frozenset(
    "abs capitalize count d default dictsort e escape first float format int items join "  # noqa: SIM905
    "last length list lower map max min reject rejectattr replace reverse round select "
    "selectattr sort string sum title trim truncate unique upper wordcount".split()
)
_METHODS = frozenset(
    "capitalize casefold count endswith find get index isalpha isdigit islower isspace isupper "  # noqa: SIM905
    "items keys lower lstrip removeprefix removesuffix rsplit rstrip split splitlines startswith "
    "strip title upper values".split()
)
"""Methods whose result is no longer than what they are given."""
_CALLS = _METHODS | {"_range", "Namespace", "changed", "cycle"}
_WIDEST = 100
"""Of a place in a format, and of the digits of a rounded number."""
_PLACE = re.compile(r"%(?:\([^)]*\))?[-+ #0]*(\*|\d*)(?:\.(\*|\d*))?")
_BEYOND_ONE_FILE = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_WRONG = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,  # too many blocks inside each other for Python
    TypeError,
    ValueError,
)
"""What Jinja and the values of a template raise when the template asks for what cannot be."""


class BoundedTemplate:
    """A template, ready to be rendered.

    Args:
        source: Its text, in Jinja's language.
        where: Its file and variant, for errors.

    Raises:
        TaskError: If it is not valid Jinja.
    """

    def __init__(self, source: str, where: str):
        self._where = where
        self._environment = _BoundedEnvironment()
        try:
            self._template: Template = self._environment.compile_bounded(source)
        except _WRONG as error:
            raise self._error(f"is not valid: {_in_words(error)}") from error

    def render(self, values: Mapping[str, object], item: str) -> str:
        """Render it.

        Args:
            values: What it sees, by name: texts, numbers and sequences of them.
            item: The question's id, for errors.

        Raises:
            TaskError: If it asks for what there is not, or for more than it may.
        """
        environment = self._environment
        environment.left = _ALLOWANCE
        try:
            environment.left += 10 * _size(tuple(values.values()), sys.maxsize)
            return self._template.render(values)
        except _WRONG as error:
            raise self._error(f"cannot be rendered for item {item}: {_in_words(error)}") from error

    def _error(self, problem: str) -> TaskError:
        return TaskError(
            f"The prompt template {problem}",
            where=self._where,
            remedy="docs/tasks.md says what a template may use.",
        )


class _BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which each step is paid for.

    Attributes:
        left: What may still be spent.
    """

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            finalize=self._output,
            optimized=False,  # Nothing is computed, for nothing, before it is rendered.
        )
        self.left = _ALLOWANCE
        self.filters = {name: self._bounded(name, self.filters[name]) for name in _FILTERS}
        self.filters |= {"_paid": self._paid, "_rounds": self._rounds}
        self.tests = {name: self._counted(test) for name, test in self.tests.items()}
        self.globals = {"range": self._range, "namespace": Namespace}

    def compile_bounded(self, source: str) -> Template:
        """Read a template, and add to its loops and texts the steps that count."""
        if len(source) > _LONGEST_TEMPLATE:
            raise SecurityError(f"it is longer than {_LONGEST_TEMPLATE:,} characters")
        tree = self.parse(source)
        for outside in tree.find_all(_BEYOND_ONE_FILE):
            raise SecurityError(f"line {outside.lineno}: a prompt is one file")
        for part in tree.find_all(nodes.Filter):
            if part.name not in _FILTERS:
                known = ", ".join(sorted(_FILTERS))
                raise SecurityError(f"line {part.lineno}: no filter '{part.name}' (only {known})")
        _count_steps(tree)
        tree.set_environment(self)
        self._text = len(source)
        template = self.from_string(tree)
        # Jinja would look through a chain of mappings for each item.
        template.globals = dict(template.globals)
        return template

    def call(self, context: Context, called: Any, /, *args: Any, **named: Any) -> Any:
        """Call a method that makes nothing longer, a macro, or ``range``."""
        name = getattr(called, "__name__", None)  # A macro has none.
        if name is not None and name not in _CALLS:
            raise SecurityError(f"a prompt cannot call {name}; use a filter")
        given = (*args, *named.values(), getattr(called, "__self__", None))
        self._spend(self._text + sum(_size(v, self.left) for v in given if _is_plain(v)))
        return super().call(context, called, *args, **named)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute, if the result has a bound."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if not numbers and operator != "+":
            raise SecurityError(f"'{operator}' is for numbers only")
        if numbers:
            bits = [n.bit_length() for n in (left, right) if isinstance(n, int)]
            power = abs(right) * max(bits, default=0) if operator == "**" else 0
            if sum(bits) > _LARGEST_BITS or power > _LARGEST_POWER:
                raise SecurityError("numbers as large as that are not computed")
        self._spend(_size(left, self.left) + _size(right, self.left))
        return super().call_binop(context, operator, left, right)

    def _spend(self, cost: int) -> None:
        self.left -= _STEP + cost
        if self.left < 0:
            raise SecurityError("it takes more work or makes more text than any prompt needs")

    @pass_context  # So that no constant counts as text of the template.
    def _output(self, _: Context, value: Any) -> Any:
        return self._paid(value)

    def _paid(self, value: Any) -> Any:
        if isinstance(value, Undefined):
            return value
        self._spend(_size(value, self.left))
        return value

    def _rounds(self, values: Iterable[Any], text: int) -> Iterator[Any]:
        for value in values:
            self._spend(text)
            yield value

    def _range(self, *ends: int) -> range:
        numbers = range(*ends)
        if len(numbers) > _LARGEST_RANGE:
            raise SecurityError(f"no range is longer than {_LARGEST_RANGE:,}")
        return numbers

    def _bounded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a filter cost what it is given and what it returns."""

        @wraps(function)
        def bounded(*args: Any, **named: Any) -> Any:
            given = [value for value in (*args, *named.values()) if not _is_of_jinja(value)]
            self._spend(sum(_size(value, self.left) for value in given))
            if name == "replace":
                self._spend(_growth(given[0], *given[1 : len(given) - len(named)], **named))
            if name == "format":
                # A value with a name may stand in every place.
                widest = max((_size(value, self.left) for value in named.values()), default=0)
                self._spend((_WIDEST + widest) * _places(str(given[0])))
            if name == "round" and any(isinstance(n, int) and abs(n) > _WIDEST for n in given[1:]):
                raise SecurityError(f"no number is rounded to more than {_WIDEST} digits")
            if name == "join":
                return self._join(function, args, named)
            return self._paid(function(*args, **named))

        return bounded

    def _counted(self, test: Any) -> Callable[..., Any]:
        """Let a test cost what it looks at."""

        @wraps(test)
        def counted(*args: Any, **named: Any) -> Any:
            given = (value for value in (*args, *named.values()) if _is_plain(value))
            self._spend(sum(_size(value, self.left) for value in given))
            return test(*args, **named)

        return counted

    def _join(
        self, function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        context, values, *rest = args
        parts = list(values)
        between = rest[0] if rest else named.get("d", "")
        self._spend(len(parts) * len(str(between)) + sum(_size(part, self.left) for part in parts))
        return function(context, parts, *rest, **named)


def _count_steps(tree: nodes.Template) -> None:
    """Pay for the rounds of loops, and for what is put together, compared or cut."""
    for loop in list(tree.find_all(nodes.For)):
        if loop.recursive:
            raise SecurityError(f"line {loop.lineno}: no loop calls itself in a prompt")
        # What stands inside takes time in every round, text or not.
        text = sum(len(part.data) for part in loop.find_all(nodes.TemplateData))
        steps = nodes.Const(text + sum(1 for _ in loop.find_all(nodes.Node)))
        loop.iter = _filtered("_rounds", cast("nodes.Expr", loop.iter), steps)
    for joined in list(tree.find_all(nodes.Concat)):
        joined.nodes = [_filtered("_paid", part) for part in joined.nodes]
    several: list[nodes.List | nodes.Tuple] = [*tree.find_all(nodes.List)]
    several += tree.find_all(nodes.Tuple)
    for many in several:
        if getattr(many, "ctx", "load") == "load":
            many.items = [_filtered("_paid", part) for part in many.items]
    for pair in list(tree.find_all(nodes.Pair)):
        pair.value = _filtered("_paid", pair.value)
    compared: list[nodes.Compare | nodes.Operand] = [*tree.find_all(nodes.Compare)]
    compared += tree.find_all(nodes.Operand)
    for side in compared:
        side.expr = _filtered("_paid", side.expr)
    _count_cuts(tree)


def _count_cuts(tree: nodes.Template) -> None:
    for element in list(tree.find_all(nodes.Getitem)):
        if isinstance(element.arg, nodes.Slice):
            element.node = _filtered("_paid", element.node)


def _growth(text: object, old: object = "", new: object = "", count: object = None) -> int:
    """Return how many characters a replacement may put in."""
    del count  # Fewer may be wanted; what there is room for is paid.
    return str(text).count(str(old)) * len(str(new))


def _places(text: str) -> int:
    """Count the places of a format.

    Raises:
        SecurityError: If one is wider than any prompt needs.
    """
    found = _PLACE.findall(text)
    for width in (width for place in found for width in place):
        if width == "*" or len(width) > 3 or int(width or 0) > _WIDEST:
            raise SecurityError(f"no place of a format is wider than {_WIDEST}")
    return len(found)


def _filtered(name: str, value: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)


def _is_of_jinja(value: object) -> bool:
    return isinstance(value, Context | ImmutableSandboxedEnvironment | nodes.EvalContext)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | Mapping | list | tuple)


def _size(value: Any, most: int) -> int:
    """Count the characters of a value, those inside others as well, until there are too many.

    Raises:
        SecurityError: If it is more, or no plain value.
    """
    if isinstance(value, str):
        return len(value)
    # Most others are sequences, and to ask of them what else they are takes long.
    if not isinstance(value, list | tuple):
        if isinstance(value, int | float | None | Undefined | range):
            return 8
        if isinstance(value, Mapping):
            value = [*value.keys(), *value.values()]
        elif isinstance(value, Iterator):
            return 8  # Its parts are paid for as they are made.
        elif not isinstance(value, Iterable):
            raise SecurityError(f"a prompt cannot handle a {type(value).__name__}")
    size = 0
    for part in value:
        # Most parts are texts, and a call for each would take as long as the prompt itself.
        size += 8 + (len(part) if isinstance(part, str) else _size(part, most - size))
        if size > most:
            raise SecurityError("it makes more text than any prompt needs")
    return size


def _in_words(error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError | SyntaxError) and not isinstance(
        error, TemplateError
    ):
        return "it is nested too deep"
    line = getattr(error, "lineno", None)
    where = f" (line {line})" if line else ""
    kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
    return f"{kind}{error}{where}"
