"""Items into messages: the templates of a task, rendered within bounds."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from emoreal_bench.catalog import TaskFile
from emoreal_bench.choices import split_choice
from emoreal_bench.contracts.errors import TaskError, UsageError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.request import AudioPart, Message, Part, TextPart, VideoPart
from emoreal_bench.contracts.task import Variant
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import check_plain_file
from emoreal_bench.templates import BoundedTemplate

_OPENING_BRACKET = re.compile(r"[<\[](?=\S)")


def quoted(text: str) -> str:
    """Make other people's text safe between the tags of a prompt.

    A space after every opening bracket keeps it from closing the tags that it
    stands between, and from holding the control tokens of a chat format.
    """
    return _OPENING_BRACKET.sub(r"\g<0> ", text)


def whole_characters(text: str) -> str:
    """Replace halves of characters, which a model may write and no service takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def prompt_values(item: Item, labels: tuple[str, ...]) -> dict[str, object]:
    """Return what a prompt template sees of an item, by name.

    Args:
        item: The question.
        labels: The classes of its subtask.
    """
    letters, options = _split(item.choices)
    return {
        "question": item.question,
        "choices": item.choices,
        "letters": letters,
        "options": options,
        "subtask": item.subtask,
        "labels": labels,
    }


@lru_cache(maxsize=1024)
def _split(choices: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the letters of options, and their texts."""
    split = [split_choice(choice) for choice in choices]
    return tuple(letter for letter, _ in split), tuple(text for _, text in split)


class PromptRenderer:
    """Renders the items of one task in one variant.

    Args:
        task_file: The task and its folder.
        variant: Name of the variant.
        modalities: What is given besides the text; a part of another modality
            is left out of the message.

    Raises:
        UsageError: If the task has no such variant.
        TaskError: If the template cannot be read or is not valid Jinja.
    """

    def __init__(self, task_file: TaskFile, variant: str, modalities: tuple[Modality, ...]):
        task = task_file.task
        if variant not in task.variants:
            raise UsageError(
                f"The task {task.name} has no variant '{variant}'.",
                remedy=f"It has: {', '.join(task.variants)}.",
            )
        self.variant: Variant = task.variants[variant]
        self.template_path: Path = task_file.path.parent / self.variant.prompt
        where = f"{self.template_path} (variant {variant})"
        try:
            check_plain_file(self.template_path)
            self.template: str = self.template_path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise TaskError(f"The prompt template cannot be read: {error}", where=where) from error
        self._labels = {name: subtask.labels for name, subtask in task.subtasks.items()}
        self._order = [
            part for part in self.variant.order if part is Modality.TEXT or part in modalities
        ]
        self._compiled = BoundedTemplate(self.template, where)

    def text(self, item: Item) -> str:
        """Render the words of one item's question.

        Raises:
            TaskError: If the template asks for something that the item lacks, or for too much.
        """
        return self._compiled.render(self.values(item), item.id)

    def values(self, item: Item) -> dict[str, object]:
        """Return what the template sees of an item, by name."""
        return prompt_values(item, self._labels[item.subtask])

    def messages(self, item: Item) -> tuple[Message, ...]:
        """Return the conversation that asks one item."""
        parts: list[Part] = []
        for modality in self._order:
            if modality is Modality.VIDEO:
                parts.append(VideoPart(item.clip))
            elif modality is Modality.AUDIO:
                parts.append(AudioPart(item.clip))
            else:
                parts.append(TextPart(self.text(item)))
        user = Message("user", tuple(parts))
        if self.variant.system is None:
            return (user,)
        return (Message("system", (TextPart(self.variant.system),)), user)
