"""Files too large for a request, uploaded once and deleted at the end."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
from typing import TYPE_CHECKING

from emoreal_bench.model_adapters.remote.media import Medium

if TYPE_CHECKING:
    from google.genai.client import AsyncClient

_SECONDS_BETWEEN_LOOKS = 0.5
_MOST_LOOKS = 1_200
"""Ten minutes; the service prepares the longest clip that it takes in less."""
_OF_ANOTHER_SHAPE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the SDK raises of an answer that is not what it expects."""


class UploadError(Exception):
    """The service took a file and could not use it."""


class UploadedFiles:
    """The files of one connection at the Files API.

    Args:
        client: The connection.
    """

    def __init__(self, client: AsyncClient):
        self._client = client
        self._uploads: dict[str, asyncio.Task[str]] = {}
        self._names: list[str] = []

    async def address(self, medium: Medium) -> str:
        """Upload a file, or wait for whoever does, and give its address once it is ready.

        Raises:
            UploadError: If the service cannot use the file.
            errors.APIError: If it declines the upload.
            httpx2.HTTPError: If it cannot be reached.
        """
        key = hashlib.sha256(medium.content).hexdigest()
        task = self._uploads.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._uploads[key] = asyncio.create_task(self._upload(medium))
        # Shielded: a request that is given up must not take the file from the others.
        return await asyncio.shield(task)

    async def delete_all(self) -> None:
        """Delete what was uploaded; what cannot be deleted expires at the service."""
        import httpx2
        from google.genai import errors

        for task in self._uploads.values():
            task.cancel()
        await asyncio.gather(*self._uploads.values(), return_exceptions=True)
        for name in self._names:
            with contextlib.suppress(errors.APIError, httpx2.HTTPError, *_OF_ANOTHER_SHAPE):
                await self._client.files.delete(name=name)

    async def _upload(self, medium: Medium) -> str:
        try:
            return await self._upload_whole(medium)
        except _OF_ANOTHER_SHAPE as error:
            raise UploadError("the service's answer to an upload cannot be read") from error

    async def _upload_whole(self, medium: Medium) -> str:
        from google.genai import types

        file = await self._client.files.upload(
            file=io.BytesIO(medium.content),
            config=types.UploadFileConfig(mime_type=medium.mime_type),
        )
        name = file.name
        if name is None:
            raise UploadError("the service named no file")
        self._names.append(name)
        for _ in range(_MOST_LOOKS):
            if file.state is not types.FileState.PROCESSING:
                break
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            file = await self._client.files.get(name=name)
        if file.state in (types.FileState.FAILED, types.FileState.PROCESSING) or file.uri is None:
            raise UploadError("the service could not use the uploaded file")
        return file.uri
