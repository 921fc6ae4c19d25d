"""Encodes a run's events as the items of a response and the typed events of a stream."""

from collections.abc import Mapping
from typing import Any

from api.wire.answer import Answer
from api.wire.responses_calls import CALL_TYPES, ClientTool, fill
from api.wire.types import Annotation
from nodes.events import AnswerDelta, CallDelta, Event, StepDone, ThoughtDelta
from nodes.state import Step
from tools.names import FILE_ANALYZER, PYTHON_CODER, RAG_RETRIEVER, READ_PAGE, WEB_SEARCH

Told = list[dict[str, Any]]
PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "local_shell_call": "lsh",
    "code_interpreter_call": "ci",
    "file_search_call": "fs",
    "web_search_call": "ws",
}
NATIVE = {
    PYTHON_CODER: "code_interpreter_call",
    RAG_RETRIEVER: "file_search_call",
    FILE_ANALYZER: "file_search_call",
    WEB_SEARCH: "web_search_call",
    READ_PAGE: "web_search_call",
}
"""Tools whose steps have their own item types; the steps of others are only in `x_agent_metadata`."""


def item_id(kind: str, response_id: str, number: int) -> str:
    """Contains the response's ID, so that the item can be looked up."""
    return f"{PREFIXES[kind]}_{response_id.removeprefix('resp_')}{number:04x}"


def response_of(item: str) -> str:
    """The ID of the item's response."""
    return f"resp_{item.partition('_')[2][:-4]}"


class Items:
    """Call it with a run's events in order, then `close`. Each returns the events to send, in order."""

    def __init__(self, response_id: str, session_id: str, tools: Mapping[str, ClientTool]) -> None:
        """`tools` are the client's, by the names of their functions."""
        self._tools = tools
        self._arguments = ""
        self._response_id = response_id
        self._session_id = session_id
        self.output: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None

    def feed(self, event: Event) -> Told:
        match event:
            case ThoughtDelta(text):
                return self._thought(text)
            case AnswerDelta(text):
                return self._text(text)
            case CallDelta():
                return self._call(event)
            case StepDone(step) if step["tool"] in NATIVE:
                return self._step(step)
        return []

    def close(self, answer: Answer) -> Told:
        """The end: the message gets its annotations. A response without text has an empty message."""
        told: Told = []
        if not any(item["type"] in ("message", *CALL_TYPES) for item in self.output):
            told += self._done() + self._begin_text()
        if self._open is not None and self._open["type"] == "message":
            (part,) = self._open["content"]
            for at, annotation in enumerate(_flat(one) for one in answer.annotations()):
                part["annotations"].append(annotation)
                more = {"content_index": 0, "annotation_index": at, "annotation": annotation}
                told.append(self._about("response.output_text.annotation.added", **more))
        return told + self._done()

    def _begin(self, item: dict[str, Any]) -> Told:
        told = self._done()
        item["id"] = item_id(item["type"], self._response_id, len(self.output))
        self.output.append(item)
        self._open = item
        shown = {**item, **({"content": []} if "content" in item else {})}
        shown |= {"summary": []} if "summary" in item else {}
        return [*told, {"type": "response.output_item.added", "output_index": len(self.output) - 1, "item": shown}]

    def _about(self, kind: str, **more: Any) -> dict[str, Any]:
        """An event of the open item."""
        item: dict[str, Any] = self._open or {}
        return {"type": kind, "item_id": item["id"], "output_index": len(self.output) - 1, **more}

    def _done(self) -> Told:
        """Close the open item."""
        item = self._open
        if item is None:
            return []
        told: Told = []
        if item["type"] == "message":
            (part,) = item["content"]
            told.append(self._about("response.output_text.done", content_index=0, text=part["text"], logprobs=[]))
            told.append(self._about("response.content_part.done", content_index=0, part=part))
        elif item["type"] == "reasoning":
            (part,) = item["summary"]
            told.append(self._about("response.reasoning_summary_text.done", summary_index=0, text=part["text"]))
            told.append(self._about("response.reasoning_summary_part.done", summary_index=0, part=part))
        elif item["type"] in CALL_TYPES:
            fill(item, self._arguments)
            told += self._called(item)
        item["status"] = "completed"
        told.append({"type": "response.output_item.done", "output_index": len(self.output) - 1, "item": {**item}})
        self._open = None
        return told

    def _thought(self, text: str) -> Told:
        told: Told = []
        if self._open is None or self._open["type"] != "reasoning":
            if not text.strip():
                return []
            part = {"type": "summary_text", "text": ""}
            told = self._begin({"type": "reasoning", "summary": [part], "status": "in_progress"})
            told.append(self._about("response.reasoning_summary_part.added", summary_index=0, part={**part}))
        item: dict[str, Any] = self._open or {}
        item["summary"][0]["text"] += text
        return [*told, self._about("response.reasoning_summary_text.delta", summary_index=0, delta=text)]

    def _begin_text(self) -> Told:
        part: dict[str, Any] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        item = {"type": "message", "role": "assistant", "content": [part], "status": "in_progress"}
        told = self._begin(item)
        shown = {**part, "annotations": []}
        return [*told, self._about("response.content_part.added", content_index=0, part=shown)]

    def _text(self, text: str) -> Told:
        told: Told = []
        if self._open is None or self._open["type"] != "message":
            text = text.lstrip()
            if not text:
                return []
            told = self._begin_text()
        item: dict[str, Any] = self._open or {}
        item["content"][0]["text"] += text
        return [*told, self._about("response.output_text.delta", content_index=0, delta=text, logprobs=[])]

    def _call(self, piece: CallDelta) -> Told:
        told: Told = []
        if piece.id is not None:
            name = piece.name or ""
            tool = self._tools.get(name) or ClientTool("function", name)
            told = self._begin({**tool.item(piece.id), "status": "in_progress"})
            self._arguments = ""
        self._arguments += piece.arguments
        if piece.arguments and self._open is not None and self._open["type"] == "function_call":
            told.append(self._about("response.function_call_arguments.delta", delta=piece.arguments))
        return told

    def _called(self, item: dict[str, Any]) -> Told:
        """The last events of a complete call. Free text is sent at once, because it arrives inside of JSON."""
        match item["type"]:
            case "function_call":
                arguments = {"arguments": item["arguments"], "name": item["name"]}
                return [self._about("response.function_call_arguments.done", **arguments)]
            case "custom_tool_call":
                name, text = "response.custom_tool_call_input", item["input"]
                return [self._about(f"{name}.delta", delta=text), self._about(f"{name}.done", input=text)]
        return []

    def _step(self, step: Step) -> Told:
        kind = NATIVE[step["tool"]]
        item = {"type": kind, "status": "in_progress", **native(step, self._session_id)}
        told = self._begin(item)
        name = f"response.{kind}"
        told.append(self._about(f"{name}.in_progress"))
        if kind == "code_interpreter_call":
            told.append(self._about("response.code_interpreter_call_code.delta", delta=item["code"]))
            told.append(self._about("response.code_interpreter_call_code.done", code=item["code"]))
            told.append(self._about(f"{name}.interpreting"))
        else:
            told.append(self._about(f"{name}.searching"))
        return [*told, self._about(f"{name}.completed"), *self._done()]


def native(step: Step, session_id: str) -> dict[str, Any]:
    """The fields of OpenAI's item for this kind of step."""
    given = step["input"]
    match NATIVE[step["tool"]]:
        case "code_interpreter_call":
            logs = [{"type": "logs", "logs": step["observation"]}]
            return {"code": given, "container_id": session_id, "outputs": logs}
        case "web_search_call" if step["tool"] == READ_PAGE:
            return {"action": {"type": "open_page", "url": given}}
        case "web_search_call":
            pages = [{"type": "url", "url": source["url"]} for source in step["sources"] if source["url"]]
            return {"action": {"type": "search", "query": given, "queries": [given], "sources": pages}}
    found = [
        {
            "file_id": source["title"],
            "filename": source["title"],
            "score": source["score"],
            "text": source["text"],
            "attributes": {},
        }
        for source in step["sources"]
    ]
    return {"queries": [given], "results": found}


def _flat(annotation: Annotation) -> dict[str, Any]:
    """Responses is flat where Chat Completions nests."""
    if annotation["type"] == "url_citation":
        return {"type": "url_citation", **annotation["url_citation"]}
    passage = annotation["file_citation"]
    return {"type": "file_citation", **passage, "file_id": passage["filename"]}
