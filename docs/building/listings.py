"""What is built in: tasks, models and metrics, as the commands ``list ...`` know them."""

from __future__ import annotations

from collections.abc import Iterable

from emoreal_bench import api


def listing_pages() -> dict[str, str]:
    """Return the pages by path."""
    return {
        "built-in/tasks.md": _page(
            "Built-in tasks",
            "list tasks",
            ("task", "title", "items", "terms"),
            (
                (f"`{one['name']}`", one["title"], one["items"], one["terms"])
                for one in api.list_tasks()
            ),
        ),
        "built-in/models.md": _page(
            "Model providers",
            "list models",
            ("provider", "what it is", "example", "extra", "needs"),
            (
                (
                    f"`{one['provider']}`",
                    one["what"],
                    f"`{one['example']}`",
                    one["extra"],
                    ", ".join(one["needs"]),
                )
                for one in api.list_models()
            ),
        ),
        "built-in/metrics.md": _page(
            "Built-in metrics",
            "list metrics",
            ("metric", "what it means", "better", "of answers"),
            (
                (f"`{one['name']}`", one["what"], one["better"], ", ".join(one["answers"]))
                for one in api.list_metrics()
            ),
        ),
    }


def _page(
    title: str, command: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> str:
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(
        [
            f"# {title}\n",
            f"The same as `emoreal-bench {command}`, when this page was built.\n",
            f"| {' | '.join(columns)} |",
            "|" + "---|" * len(columns),
            *lines,
            "",
        ]
    )


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
