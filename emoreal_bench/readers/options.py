"""What a user may tell a reader with ``--data-arg key=value``."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.readers import Options


class ReaderOptions(Record):
    """Base of every reader's options. Paths may be absolute or relative to the data folder."""


class AnnotationOptions(ReaderOptions):
    """Where the annotation file is."""

    annotations: str | None = None
    """The file with the questions or labels; looked for by its name if not given."""


class ClipOptions(ReaderOptions):
    """Where the clips are."""

    videos: str | None = None
    """The folder of the clips; looked for if not given."""
    audios: str | None = None
    """The folder of separate wav files; looked for if not given."""


class AnnotatedClipOptions(ClipOptions, AnnotationOptions):
    """Where the annotation file and the clips are."""


OptionsT = TypeVar("OptionsT", bound=ReaderOptions)


def read_options(model: type[OptionsT], options: Options, reader: str) -> OptionsT:
    """Validate the options of a reader.

    Args:
        model: What the reader takes.
        options: As the task file and the user gave them.
        reader: Its name, for the error.

    Raises:
        UsageError: For an option that the reader does not take, or a wrong value.
    """
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        known = model.model_fields
        unknown = [key for key in options if key not in known]
        if unknown:
            problem = f"The reader {reader} does not take the option: {', '.join(unknown)}."
        else:
            wrong = [f"{line['loc'][0]}: {line['msg']}" for line in error.errors()]
            problem = f"The reader {reader} cannot take this value of {'; '.join(wrong)}."
        raise UsageError(problem, remedy=f"It takes: {', '.join(known)}.") from error
