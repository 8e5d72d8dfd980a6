"""What leaves a run: pages, entries of a leaderboard, exports, joined runs, merged checkpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoreal_bench.api.looking import find_runs
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.run_record import MANIFEST_FILE
from emoreal_bench.contracts.vocabulary import PublishedForm
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.record.files import cannot_write, grant_usual_modes, new_folder, write_atomically
from emoreal_bench.reporting.notebook import RunReport
from emoreal_bench.running.results import load_report

if TYPE_CHECKING:
    from emoreal_bench.contracts.comparison import ComparisonReport
    from emoreal_bench.contracts.probe import ProbeReport
    from emoreal_bench.contracts.vocabulary import Tracker
    from emoreal_bench.reporting.exports.every_eval_ever import Evaluator
    from emoreal_bench.reporting.exports.hub import HubSource
    from emoreal_bench.reporting.run_page.page import RunPageOptions
    from emoreal_bench.reporting.site.serving import SiteServer
    from emoreal_bench.serving.server import ModelServer


def view_run(
    run: Path,
    out: Path,
    *,
    other: Path | None = None,
    data: Path | None = None,
    clips: bool = True,
    stills: int = 100,
) -> Path:
    """Write a page of a run and every item of it, to be opened from disk.

    Of a folder of runs it is a page that lists them all, beside a page of each.

    Args:
        run: A run folder, finished or not, or a folder of runs.
        out: Folder of the page; made if it is not there.
        other: Another run of the same items, to show where the two part.
        data: The data folder, if it is no longer where the run found it.
        clips: Whether to lead to the clips.
        stills: Of how many clips to draw frames and sound.

    Returns:
        The page.

    Raises:
        RunError: If a folder holds no run, or the page cannot be written.
        NotComparableError: If the other run is of other items.
        DataError: If ``data`` is not the data of the run's task.
    """
    from emoreal_bench.reporting.run_page.page import RunPageOptions

    return _write_view(run, out, RunPageOptions(other, data, clips, stills))


def serve_view(
    run: Path,
    out: Path,
    *,
    port: int = 0,
    other: Path | None = None,
    data: Path | None = None,
    clips: bool = True,
    stills: int = 100,
) -> SiteServer:
    """Write the pages of :func:`view_run`, and make a server that shows them to this machine only.

    The server shows the clips, too. Call its ``serve_forever``.

    Args:
        run: A run folder, finished or not, or a folder of runs.
        out: Folder of the page; made if it is not there.
        port: 0 takes any free one.
        other: Another run of the same items, to show where the two part.
        data: The data folder, if it is no longer where the run found it.
        clips: Whether to lead to the clips.
        stills: Of how many clips to draw frames and sound.

    Raises:
        RunError: If a folder holds no run, or a page cannot be written.
        NotComparableError: If the other run is of other items.
        DataError: If ``data`` is not the data of the run's task.
        UsageError: If the port is taken.
        MissingExtraError: If the server is not installed. In both cases no page is written.
    """
    from emoreal_bench.reporting.run_page.clips import ServedFiles
    from emoreal_bench.reporting.run_page.page import RunPageOptions
    from emoreal_bench.reporting.site.serving import check_installed, listen, make_server

    check_installed()
    # First, since a folder of runs takes minutes to write.
    listener = listen(port)
    try:
        served = ServedFiles()
        _write_view(run, out, RunPageOptions(other, data, clips, stills, served))
        return make_server(out, listener, served.by_name)
    except BaseException:
        listener.close()
        raise


def _write_view(run: Path, out: Path, options: RunPageOptions) -> Path:
    from emoreal_bench.reporting.run_page.page import write_run_page
    from emoreal_bench.reporting.runs_page import write_runs_page
    from emoreal_bench.reporting.site.pages import check_site_folder

    check_site_folder(out)
    is_one = (run / MANIFEST_FILE).is_file()
    below = [] if is_one else [one for one in find_runs([run], finished_only=False) if one != run]
    if is_one or not below:
        return write_run_page(run, out, options)
    if options.other is not None or options.data is not None:
        raise UsageError(
            "--other and --data are about one run, and this is a folder of runs.",
            where=str(run),
            remedy="Name one of them.",
        )
    return write_runs_page(run, below, out, options)


def write_probe_page(report: ProbeReport, out: Path) -> Path:
    """Write what a probe found as a page, and return it.

    Args:
        report: What :func:`probe` returned.
        out: The page if it ends in ``.html``, else its folder; made if it is not there.

    Raises:
        RunError: If it cannot be written.
    """
    from emoreal_bench.reporting.report_pages import write_probe_page as write

    return write(report, out)


def write_comparison_page(report: ComparisonReport, runs: Sequence[Path], out: Path) -> Path:
    """Write a comparison as a page, with a page of every item of each pair, and return it.

    Args:
        report: What :func:`compare` returned.
        runs: The folders that were compared, in the same order.
        out: The page if it ends in ``.html``, else its folder; made if it is not there.

    Raises:
        RunError: If they cannot be written.
    """
    from emoreal_bench.reporting.report_pages import write_comparison_page as write

    return write(report, runs, out)


def build_leaderboard(
    runs: Sequence[Path],
    out: Path,
    *,
    run_pages: bool = False,
    questions: bool = False,
    paired: bool = True,
    own: Sequence[Path] = (),
) -> Path:
    """Build a self-contained page from finished runs.

    Args:
        runs: Run folders, or folders that hold some.
        out: Folder of the page.
        run_pages: Whether to write a page for each run, with its questions and
            replies but without clips, and link to it.
        questions: Whether to write a page of the questions that all models fail,
            or on which they disagree.
        paired: Whether to rank by paired tests, which reads every item; else by
            the intervals of the scores.
        own: Runs that you made yourself, or folders that hold some; runs of
            others that they bear out are marked as reproduced.

    Returns:
        The page.

    Raises:
        RunError: If a folder holds no finished run.
    """
    from emoreal_bench.reporting.leaderboard.build import LeaderboardOptions
    from emoreal_bench.reporting.leaderboard.build import build_leaderboard as build

    options = LeaderboardOptions(
        run_pages=run_pages, paired=paired, questions=questions, own=find_runs(own)
    )
    return build(find_runs(runs), out, options)


def make_site_server(site: Path, port: int = 0) -> SiteServer:
    """Make a server that shows a site to this machine only; call its ``serve_forever``.

    Raises:
        RunError: If the folder holds no page.
        UsageError: If the port is taken.
    """
    from emoreal_bench.reporting.site.serving import make_server

    return make_server(site, port)


def make_model_server(
    model: str,
    port: int = 0,
    host: str | None = None,
    *,
    model_arguments: Mapping[str, str] | None = None,
    lora: Path | None = None,
) -> ModelServer:
    """Make a server that answers for a local model as OpenAI's Chat Completions do.

    Call its ``serve_forever``. Models named ``http/MODEL`` ask it, and so does every client
    of OpenAI's, without a key.

    Args:
        model: ``provider/model`` of this machine.
        port: 0 takes any free one.
        host: Address to listen at; None for this machine only. Whoever reaches another may
            ask the model anything.
        model_arguments: Arguments of the model, as texts.
        lora: Folder of a LoRA adapter.

    Raises:
        UsageError: For a wrong name or argument, a model that is a service itself, or a port
            that is taken.
        MissingExtraError: If the server or the model needs an extra that is not installed.
    """
    from emoreal_bench.reporting.site.serving import LOOPBACK
    from emoreal_bench.serving.server import ModelServer

    adapter = create_adapter(model, model_arguments, lora)
    return ModelServer(adapter, port, host or LOOPBACK)


def merge_runs(folders: Sequence[Path], out: Path) -> RunReport:
    """Join parts of one run, such as its shards, as when several machines shared its items.

    Args:
        folders: Two folders or more of the same run; they stay as they are.
        out: The folder to make.

    Raises:
        UsageError: If fewer than two folders are named.
        NotComparableError: If they are not of one run, or two shards of one number differ.
        RunError: If a folder holds no run, or ``out`` already does; or a shard is missing.
    """
    from emoreal_bench.running.merging import merge_runs as merge

    merge(folders, out)
    return RunReport.load(out)


def merge_lora(
    model: str, lora: Path, out: Path, model_arguments: Mapping[str, str] | None = None
) -> Path:
    """Write a checkpoint with a LoRA adapter merged into it.

    Args:
        model: ``provider/model`` of the base.
        lora: Folder of the adapter.
        out: Folder of the checkpoint, new or empty.
        model_arguments: Arguments of the model, as texts; the weights are written in the
            number format in which it runs.

    Returns:
        The folder, for ``hf/`` or, if that was the base, ``avere/``.

    Raises:
        UsageError: If the model takes no adapter or another one, or ``out`` holds something.
        RunError: If the checkpoint cannot be written.
    """
    from emoreal_bench.model_adapters.local.lora import Mergeable

    adapter = create_adapter(model, model_arguments, lora)
    if not isinstance(adapter, Mergeable):
        raise UsageError(f"{model} cannot be written with an adapter merged into it.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("is there already.", where=str(out), remedy="Name a new folder.")
    with new_folder(out) as draft:
        try:
            adapter.save_merged(draft)
        except OSError as error:
            raise cannot_write(out, error) from error
        grant_usual_modes(draft)
    return out


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a JSON object, indented, so that a reader never sees half a file."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, [text.encode()])


def track_run(folder: Path, tracker: Tracker, project: str = "emoreal-bench") -> None:
    """Send a run's scores, identity and settings to Weights & Biases or MLflow.

    Raises:
        RunError: If the folder holds no finished run.
        MissingExtraError: If the service's client is not installed.
    """
    from emoreal_bench.reporting.exports.trackers import send_scores

    send_scores(load_report(folder), tracker, project)


def write_model_card(folder: Path, path: Path) -> None:
    """Put a run's headline scores into the metadata of a model card; nothing is uploaded.

    That is the older way to the hub; :func:`publish_run` writes what it reads today.

    Raises:
        UsageError: If the run is incomplete or was judged, or the file is no model card.
        RunError: If the folder holds no finished run, or the file cannot be written.
        MissingExtraError: If ``huggingface_hub`` is not installed.
    """
    from emoreal_bench.reporting.exports.hub import write_model_card as write

    write(load_report(folder), path)


def publish_run(
    folder: Path,
    form: PublishedForm,
    out: Path,
    *,
    source: HubSource | None = None,
    evaluator: Evaluator | None = None,
) -> Path:
    """Write a finished run in a form in which others publish results; nothing is uploaded.

    Args:
        folder: A run folder.
        form: Which form.
        out: Folder of the data store or of the model's repository; made if it is not there.
        source: For the hub: the data set's id there, and where the run can be looked at.
        evaluator: For Every Eval Ever: who ran the evaluation.

    Returns:
        The file that was written.

    Raises:
        UsageError: If the run does not suit the form, or the hub's data set is not known.
        RunError: If the folder holds no finished run, or a file cannot be written.
        MissingExtraError: If ``huggingface_hub`` is needed and not installed.
    """
    if form is PublishedForm.EVAL_RESULTS:
        from emoreal_bench.reporting.exports.hub import write_eval_results

        return write_eval_results(load_report(folder), out, source)
    from emoreal_bench.reporting.exports.every_eval_ever import write_every_eval_ever

    return write_every_eval_ever(folder, out, evaluator)
