"""The batch APIs of OpenAI and Google as the stub server plays them.

A job ends when it has been looked at so often as ``looks`` says, and is
answered line by line as the server answers single requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Any]
"""HTTP status and body."""

AnswerLine = Callable[[str, bytes], Answer]
"""Answers a path and a body as a single request."""


@dataclass
class StubJob:
    """A job that the server took.

    Attributes:
        name: As the server calls it.
        token: The mark that came with it.
        lines: Its requests: key and body.
        looks: How often it was looked at.
        model: Of all requests, where the call names it.
        input_file: The file of its requests, where there is one.
        outcome: What is said of it once it has ended; it does not change any more.
    """

    name: str
    token: str
    lines: list[tuple[str, Any]]
    model: str = ""
    input_file: str = ""
    looks: int = 0
    outcome: dict[str, Any] | None = None


@dataclass
class StubBatches:
    """Takes jobs and answers them.

    Attributes:
        jobs: All jobs taken, by name.
        files: Uploaded files and files of answers, by id.
        looks: Looks that a job takes to end.
        ends: How the next jobs end, e.g. ``"expired"``; well where none is given.
        unanswered: Keys that an expired job has no answer for.
        uploads: Files of requests that were uploaded.
        troubles: HTTP statuses with which the next calls are declined.
        is_silent: Take the next job and never answer the call that brings it.
        failure: Why a job that ends as ``"failed"`` has failed.
    """

    jobs: dict[str, StubJob] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    looks: int = 1
    ends: list[str] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)
    uploads: int = 0
    troubles: list[int] = field(default_factory=list)
    is_silent: bool = False
    failure: dict[str, str] = field(
        default_factory=lambda: {"code": "limit", "message": "too many tokens queued"}
    )

    def is_meant(self, method: str, path: str) -> bool:
        """Return whether a request is one for here."""
        name = path.rpartition("/v1/")[2]
        return (
            name.startswith(("batches", "files/job-"))
            or name.endswith(":batchGenerateContent")
            or (path == "/v1/files" and method == "POST")
        )

    def answer(self, method: str, path: str, content: bytes, answer_line: AnswerLine) -> Answer:
        """Answer a request about jobs and their files; with status 0 there is no answer."""
        if self.troubles:
            status = self.troubles.pop(0)
            return status, {"error": {"code": status, "message": "not now", "status": "TROUBLE"}}
        return self._answer(method, path.rpartition("/v1/")[2], content, answer_line)

    def _answer(self, method: str, name: str, content: bytes, answer_line: AnswerLine) -> Answer:
        if name == "files":
            return 200, self._take_file(content)
        if name.startswith("files/"):
            return self._answer_file(method, name.split("/")[1])
        if name == "batches" and method == "GET":
            return 200, self._list(answer_line)
        if method == "DELETE":
            return 200, {}
        if method == "POST":
            taken = json.loads(content)
            job = self._take_openai(taken) if name == "batches" else self._take_google(name, taken)
            if self.is_silent:
                self.is_silent = False
                return 0, None
        else:
            job = self.jobs[name]
            job.looks += 1
        return 200, self._write(job, answer_line)

    def _write(self, job: StubJob, answer_line: AnswerLine) -> dict[str, Any]:
        return (self._google_job if job.model else self._openai_job)(job, answer_line)

    def _list(self, answer_line: AnswerLine) -> dict[str, Any]:
        written = [self._write(job, answer_line) for job in reversed(self.jobs.values())]
        return {"object": "list", "data": written, "has_more": False, "operations": written}

    def _take_file(self, content: bytes) -> dict[str, Any]:
        """Take the JSON lines out of a form."""
        lines = [line for line in content.split(b"\r\n") if line.startswith(b'{"custom_id"')]
        self.uploads += 1
        name = f"job-input-{self.uploads}"
        self.files[name] = b"\r\n".join(lines)
        return {"id": name, "object": "file", "purpose": "batch", "filename": "x", "bytes": 1}

    def _answer_file(self, method: str, name: str) -> Answer:
        if method == "DELETE":
            del self.files[name]
            return 200, {"id": name, "object": "file", "deleted": True}
        return 200, self.files[name]

    def _take_openai(self, body: Any) -> StubJob:
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        return self._keep(
            StubJob(
                f"batches/job-{len(self.jobs)}",
                body["metadata"]["emoreal-bench"],
                [(line["custom_id"], line["body"]) for line in lines],
                input_file=body["input_file_id"],
            )
        )

    def _take_google(self, name: str, body: Any) -> StubJob:
        batch = body["batch"]
        requests = batch["inputConfig"]["requests"]["requests"]
        return self._keep(
            StubJob(
                f"batches/job-{len(self.jobs)}",
                batch["displayName"],
                [(request["metadata"]["key"], request["request"]) for request in requests],
                model=name.rpartition("/")[2].partition(":")[0],
            )
        )

    def _keep(self, job: StubJob) -> StubJob:
        self.jobs[job.name] = job
        return job

    def _end(self, job: StubJob) -> str | None:
        """Return how a job has ended; None if it has not."""
        if job.looks < self.looks:
            return None
        position = list(self.jobs).index(job.name)
        return self.ends[position] if position < len(self.ends) else "completed"

    def _answers(self, job: StubJob, end: str, answer_line: AnswerLine) -> dict[str, Answer]:
        path = f"/v1/models/{job.model}:generateContent" if job.model else "/v1/chat/completions"
        if end == "failed":
            return {}
        return {
            key: answer_line(path, json.dumps(body).encode())
            for key, body in job.lines
            if end != "expired" or key not in self.unanswered
        }

    def _openai_job(self, job: StubJob, answer_line: AnswerLine) -> dict[str, Any]:
        end = self._end(job)
        written: dict[str, Any] = {
            "id": job.name.rpartition("/")[2],
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 0,
            "input_file_id": job.input_file,
            "metadata": {"emoreal-bench": job.token},
            "status": end or "in_progress",
            "request_counts": {"total": len(job.lines), "completed": job.looks, "failed": 0},
        }
        if end is not None:
            if job.outcome is None:
                job.outcome = self._write_files(job, end, answer_line)
            written |= job.outcome
        return written

    def _write_files(self, job: StubJob, end: str, answer_line: AnswerLine) -> dict[str, Any]:
        if end == "failed":
            return {"errors": {"data": [self.failure]}}
        lines: dict[str, list[dict[str, Any]]] = {"output": [], "error": []}
        answers = self._answers(job, end, answer_line)
        for key, _ in job.lines:
            line: dict[str, Any] = {"custom_id": key, "response": None, "error": None}
            if key not in answers:
                line["error"] = {"code": "batch_expired", "message": "not executed in time"}
            else:
                status, body = answers[key]
                line["response"] = {"status_code": status, "request_id": "r", "body": body}
            failed = line["response"] is None or line["response"]["status_code"] >= 400
            lines["error" if failed else "output"].append(line)
        names: dict[str, Any] = {}
        for kind, kept in lines.items():
            if kept:
                name = f"{job.name.rpartition('/')[2]}-{kind}"
                self.files[name] = b"\n".join(json.dumps(line).encode() for line in kept)
                names[f"{kind}_file_id"] = name
        return names

    def _google_job(self, job: StubJob, answer_line: AnswerLine) -> dict[str, Any]:
        end = self._end(job)
        states = {None: "RUNNING", "completed": "SUCCEEDED"}
        state = states.get(end, (end or "").upper())
        metadata: dict[str, Any] = {
            "model": f"models/{job.model}",
            "displayName": job.token,
            "state": f"BATCH_STATE_{state}",
        }
        if end is not None:
            if job.outcome is None:
                answers = self._answers(job, end, answer_line).items()
                inlined = [
                    {"metadata": {"key": key}} | _google_line(status, body)
                    for key, (status, body) in answers
                ]
                job.outcome = {"output": {"inlinedResponses": {"inlinedResponses": inlined}}}
            metadata |= job.outcome
        return {"name": job.name, "metadata": metadata, "done": end is not None}


_RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 429: 8, 500: 13}


def _google_line(status: int, body: Any) -> dict[str, Any]:
    """Write an answer as it stands in a job, where errors have gRPC's codes."""
    if status < 400:
        return {"response": body}
    error = body["error"]
    return {"error": {"code": _RPC_CODES.get(status, 2), "message": error["message"]}}
