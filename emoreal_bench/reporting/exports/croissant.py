"""A benchmark for the hub, and a synthetic one as Croissant 1.0 with RAI 1.0 (responsible AI).

https://docs.mlcommons.org/croissant/docs/croissant-spec.html and
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html; only data that this program
made, of which it knows how it came about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emoreal_bench.catalog import find_task, load_task, task_files_in
from emoreal_bench.contracts.errors import DataError
from emoreal_bench.contracts.task import EVAL_FILE
from emoreal_bench.identity import hash_file
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.preferences.building.known_cues import read_synth_settings
from emoreal_bench.record.files import write_atomically
from emoreal_bench.reporting.exports.hub import eval_yaml
from emoreal_bench.synth.build import ANNOTATIONS, CARD, GENERATOR_VERSION, RECORD, VIDEOS
from emoreal_bench.synth.settings import SynthSettings

CROISSANT_FILE = "croissant.json"
TASK = "emorealm-synth"
_NAME = "EmoReAlM-Synth"
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that the specification prescribes."""
_FIELDS: Mapping[str, str] = {
    "id": "Unique within the data set.",
    "video": "The clip, below videos/.",
    "task": "The kind of question.",
    "question": "The question, without its options.",
    "choices": "The options, each with its letter.",
    "answer": "The letter of the right option.",
    "cue": "The cue that the question is about.",
    "emotion": "The emotion that the question is about.",
    "category": "Of stress questions: no_hallucination, spurious or hallucination.",
}
_RAI: Mapping[str, str | Sequence[str]] = {
    "rai:dataCollection": "Drawn and synthesized by the program emoreal-bench from a seed. Nobody "
    "was recorded.",
    "rai:dataCollectionType": ["Software Collection"],
    "rai:dataCollectionRawData": "None: every frame and every sound is computed.",
    "rai:dataAnnotationProtocol": "Every answer is true by construction: the cues of a clip are "
    "chosen first, and drawn and spoken then.",
    "rai:machineAnnotationTools": ["emoreal-bench data synth"],
    "rai:dataLimitations": "Seven emotions with two cues each per modality, one style of drawing, "
    "four voices, English words only, one emotion per person and clip. It says nothing about real "
    "faces and voices.",
    "rai:dataUseCases": "To measure whether a model looks and listens at all, and resists cues "
    "that are not there. Not for reading anyone's feelings, and not as evidence that a model can.",
    "rai:dataSocialImpact": "A high score must not be taken for the ability to recognize the "
    "emotions of people, which the law of several countries restricts.",
    "rai:personalSensitiveInformation": "None: nobody is depicted, no voice is anybody's.",
    "rai:dataReleaseMaintenancePlan": "The same settings of the same generator version give the "
    "same files again; a change of the generator raises its version.",
}


def write_data_card(folder: Path, *, url: str | None = None) -> tuple[Path, ...]:
    """Describe a benchmark for catalogues of data sets, and for the hub.

    Args:
        folder: That ``data synth`` or ``data new`` wrote, or a task file.
        url: Where it is published, if it is.

    Returns:
        ``eval.yaml`` in the folder, beside the card for people, and of a synthetic benchmark
        ``croissant.json``: of the data of others only they know what it has to say.

    Raises:
        DataError: If the folder is no finished synthetic benchmark, and holds no task.
        TaskError: If the task is not valid.
        RunError: If the files cannot be written.
    """
    if not (folder / RECORD).is_file():
        path = _task_file(folder)
        place = path.parent / EVAL_FILE
        write_atomically(place, [eval_yaml(load_task(path).task)])
        return (place,)
    settings, questions = read_synth_settings(folder), _questions(folder / ANNOTATIONS)
    record = croissant(folder, settings, questions, url)
    places = (folder / CROISSANT_FILE, folder / EVAL_FILE)
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_atomically(places[0], [text.encode()])
    write_atomically(places[1], [eval_yaml(find_task(TASK).task)])
    return places


def _task_file(folder: Path) -> Path:
    """Return the task file that is named, or the one in a folder.

    Raises:
        DataError: If there is none, or there are several.
    """
    if folder.is_file() and folder.suffix in (".yaml", ".yml"):
        return folder
    found = task_files_in(folder)
    if len(found) == 1:
        return found[0]
    raise DataError(
        "The folder holds several tasks." if found else "It holds no benchmark.",
        where=str(folder),
        remedy="Name a folder that `data synth` or `data new` wrote, or a task file.",
    )


def croissant(
    folder: Path, settings: SynthSettings, questions: Sequence[Mapping[str, Any]], url: str | None
) -> dict[str, Any]:
    """Return the description of a synthetic benchmark as a JSON-LD object.

    Args:
        folder: Of the benchmark.
        settings: With which it was made.
        questions: All of them.
        url: Where it is published; None for its folder.
    """
    correlation, version = settings.correlation, GENERATOR_VERSION
    clips = len({str(question.get("video")) for question in questions})
    fields = [name for name in _FIELDS if all(name in question for question in questions)]
    biases = (
        f"Made for training with a correlation of {correlation:g}: emotions come with their "
        "typical cues, things and sounds more often than chance. Not for evaluation."
        if correlation
        else "Yes and No, letters and wordings are balanced, so that no text gives an answer "
        "away. Faces, voices and homes are of one style each."
    )
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": _NAME,
        "description": f"{len(questions)} questions about {clips} clips of drawn "
        "people with synthetic voices, whose every cue is known.",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.0",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "citeAs": f"{_NAME}, made by emoreal-bench data synth, seed {settings.seed}, "
        f"split {settings.split}, generator {version}",
        "creator": {"@type": "sc:Organization", "name": "The EmoReal Bench authors"},
        "datePublished": datetime.now(UTC).date().isoformat(),
        "license": "Free to use without conditions",
        "url": url or CARD,
        "version": f"{version}.0.0",
        "isLiveDataset": False,
        **_RAI,
        "rai:dataBiases": biases,
        "distribution": _distribution(folder),
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "questions",
                "name": "questions",
                "key": {"@id": "questions/id"},
                "field": [_field(name) for name in fields],
            }
        ],
    }


def _distribution(folder: Path) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": ANNOTATIONS,
            "name": ANNOTATIONS,
            "description": "The questions.",
            "contentUrl": ANNOTATIONS,
            "encodingFormat": "application/json",
            "sha256": hash_file(folder / ANNOTATIONS),
        },
        {
            "@type": "cr:FileSet",
            "@id": VIDEOS,
            "name": VIDEOS,
            "description": "The clips: 448 x 336, h264 with flac sound.",
            "encodingFormat": "video/mp4",
            "includes": f"{VIDEOS}/*/*.mp4",
        },
    ]


def _field(name: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"questions/{name}",
        "name": f"questions/{name}",
        "description": _FIELDS[name],
        "dataType": "sc:Text",
        "source": {
            "fileObject": {"@id": ANNOTATIONS},
            "extract": {"jsonPath": f"$[*].{name}"},
        },
    }
    return field | ({"repeated": True} if name == "choices" else {})


def _questions(path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        questions = parse_json(path.read_bytes())
    except (OSError, UnreadableError) as error:
        raise _damaged(path) from error
    if not isinstance(questions, list) or not questions:
        raise _damaged(path)
    if not all(isinstance(question, dict) for question in questions):
        raise _damaged(path)
    return questions


def _damaged(path: Path) -> DataError:
    return DataError(
        "The questions of the benchmark cannot be read.",
        where=str(path),
        remedy="Make it again with: emoreal-bench data synth",
    )
