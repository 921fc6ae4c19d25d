"""
title: LLM API
description: Passes the files and the ID of a chat on to LLM API, and keeps the charts and files of its answers.
version: 1.0.0
required_open_webui_version: 0.6.0
"""

# Open WebUI reads the block above. It imports this file as a function: see docs/clients.md for the steps.

import asyncio
import base64
import inspect
import io
import os
import re
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, Field

IMAGE = re.compile(r"!\[(?P<alt>[^\[\]]*)\]\(\S*?/api/images/(?P<token>[\w.-]+)\)")
"""A link that LLM API appends to an answer, as Markdown."""
MIB = 1 << 20


class Filter:
    """`inlet` sees a request before it leaves, `stream` each event of the answer."""

    class Valves(BaseModel):
        """Settings, in Open WebUI's administration."""

        priority: int = Field(default=0, description="Filters with a lower number run first.")
        service_url: str = Field(
            default=os.environ.get("OPENAI_API_BASE_URL", "http://127.0.0.1:1007/v1"),
            description="LLM API's base URL, as in the connection.",
        )
        api_key: str = Field(
            default=os.environ.get("OPENAI_API_KEY", ""), description="LLM API's key, as in the connection."
        )
        max_file_mb: int = Field(default=50, description="Larger files are left to Open WebUI's retrieval.")

    def __init__(self) -> None:
        self.valves = self.Valves()

    async def inlet(
        self,
        body: dict[str, Any],
        __metadata__: dict[str, Any] | None = None,
        __user__: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Attach the files of the newest message, take the chat's files out of Open WebUI's retrieval, and name the
        chat.
        """
        metadata, user = __metadata__ or {}, (__user__ or {}).get("id")
        chat = metadata.get("chat_id") or ""
        if chat and not chat.startswith("local:"):  # a temporary chat has no ID of its own
            body["chat_id"] = chat
        listed = body.get("files") or []
        readable = {item["id"]: file for item in listed if (file := await self._file(item, user)) is not None}
        asked = metadata.get("user_message")  # unknown to older versions, which list all files of the chat
        new = listed if asked is None else asked.get("files") or []
        parts = [await _part(readable[item["id"]]) for item in new if item.get("id") in readable]
        if parts:
            _attach(body["messages"], parts)
        body["files"] = [item for item in listed if item.get("id") not in readable]
        return body

    async def stream(
        self,
        event: dict[str, Any],
        __request__: Any = None,
        __user__: dict[str, Any] | None = None,
        __event_emitter__: Any = None,
    ) -> dict[str, Any]:
        """Copy the images of the answer to Open WebUI, where they do not expire, and add its other files below."""
        keep = _Keeper(self.valves, __request__, (__user__ or {}).get("id"))
        for choice in event.get("choices") or []:
            delta = choice.get("delta") or {}
            if "/api/images/" in (delta.get("content") or ""):
                delta["content"] = await keep.images(delta["content"])
        artifacts = (event.get("x_agent_metadata") or {}).get("artifacts") or []
        files = [file for one in artifacts if (file := await keep.artifact(one)) is not None]
        if files and __event_emitter__ is not None:
            await __event_emitter__({"type": "files", "data": {"files": files}})
        return event

    async def _file(self, item: dict[str, Any], user: str | None) -> Any:
        """The stored file, if it is one that this user has uploaded, not too large, and no image."""
        from open_webui.models.files import Files  # noqa: PLC0415 (only there when Open WebUI runs it)

        if item.get("type") != "file" or not item.get("id"):
            return None
        file = await _awaited(Files.get_file_by_id(item["id"]))
        if file is None or file.user_id != user:
            return None
        meta = file.meta or {}
        is_image = str(meta.get("content_type") or "").startswith("image/")
        return None if is_image or (meta.get("size") or 0) > self.valves.max_file_mb * MIB else file


class _Keeper:
    """Copies what LLM API has made to the files of an Open WebUI user."""

    def __init__(self, valves: Filter.Valves, request: Any, user: str | None) -> None:
        self._base = valves.service_url.rstrip("/").removesuffix("/v1")
        self._headers = {"Authorization": f"Bearer {valves.api_key}"} if valves.api_key else {}
        self._request = request
        self._user = user

    async def images(self, text: str) -> str:
        """The text with links to the copies; a link that cannot be copied stays as it is."""
        for link in list(IMAGE.finditer(text)):
            url = await self._copy(f"/api/images/{link['token']}", link["alt"] or "image.png")
            if url:
                text = text.replace(link[0], f"![{link['alt']}]({url})")
        return text

    async def artifact(self, artifact: dict[str, Any]) -> dict[str, Any] | None:
        """A file below the answer; None for an image, which the answer shows, and for one that cannot be copied."""
        name, mime = artifact["filename"], artifact["mime"]
        url = None if mime.startswith("image/") else await self._copy(artifact["url"], name)
        return {"type": "file", "name": name, "url": url, "size": artifact["bytes"]} if url else None

    async def _copy(self, path: str, name: str) -> str | None:
        from fastapi import UploadFile  # noqa: PLC0415
        from open_webui.models.users import Users  # noqa: PLC0415
        from open_webui.routers.files import upload_file_handler  # noqa: PLC0415
        from starlette.datastructures import Headers  # noqa: PLC0415

        try:
            async with httpx.AsyncClient(base_url=self._base, headers=self._headers, timeout=60) as client:
                answer = (await client.get(path)).raise_for_status()
        except httpx.HTTPError:
            return None
        headers = Headers({"content-type": answer.headers.get("content-type", "application/octet-stream")})
        file = UploadFile(io.BytesIO(answer.content), filename=Path(name).name, headers=headers)
        user = await _awaited(Users.get_user_by_id(self._user))
        stored = await _awaited(upload_file_handler(self._request, file=file, metadata={}, process=False, user=user))
        identifier = stored["id"] if isinstance(stored, dict) else stored.id
        return f"/api/v1/files/{identifier}/content"


async def _part(file: Any) -> dict[str, Any]:
    """The file as a part of a message."""
    from open_webui.storage.provider import Storage  # noqa: PLC0415

    path = await asyncio.to_thread(Storage.get_file, file.path)
    data = base64.b64encode(await asyncio.to_thread(Path(path).read_bytes)).decode()
    mime = (file.meta or {}).get("content_type") or "application/octet-stream"
    name = (file.meta or {}).get("name") or file.filename
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{mime};base64,{data}"}}


def _attach(messages: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
    """To the newest message of the user."""
    message = next((one for one in reversed(messages) if one.get("role") == "user"), None)
    if message is None:
        return
    content = message.get("content") or ""
    text = [{"type": "text", "text": content}] if isinstance(content, str) else content
    message["content"] = [*text, *parts]


async def _awaited(result: Any) -> Any:
    """Open WebUI's functions were not asynchronous before 0.9."""
    return await result if inspect.isawaitable(result) else result
