"""Steps, files and sources as clients see them, on every route."""

from collections.abc import Sequence
from urllib.parse import quote

from api.wire.types import Annotation, FileCitation, PublicArtifact, PublicSource, PublicStep, UrlCitation
from nodes.react.grounding import CITATION, cited
from nodes.state import Step
from tools.results import Source
from workspace.folder import FileInfo


def sources_of(steps: Sequence[Step]) -> list[Source]:
    """The sources of a run in the order of their numbers, which start at 1."""
    return [source for step in steps for source in step["sources"]]


def public_sources(text: str, sources: Sequence[Source]) -> list[PublicSource]:
    """`x_agent_metadata.sources`: each with its number and whether the answer cites it."""
    used = set(cited(text, len(sources)))
    return [{"index": at, "cited": at in used, **source} for at, source in enumerate(sources, start=1)]


def annotations(text: str, sources: Sequence[Source]) -> list[Annotation]:
    """One annotation for each `[n]` in the answer: `url_citation` for pages, `file_citation` for documents."""
    found = []
    for mark in CITATION.finditer(text):
        number = int(mark.group(1))
        if 1 <= number <= len(sources):
            found.append(_annotation(sources[number - 1], number, mark.start(), mark.end()))
    return found


def _annotation(source: Source, number: int, start: int, end: int) -> Annotation:
    if source["kind"] == "web":
        page: UrlCitation = {"start_index": start, "end_index": end, "title": source["title"], "url": source["url"]}
        return {"type": "url_citation", "url_citation": page}
    passage: FileCitation = {
        "start_index": start,
        "end_index": end,
        "index": number,
        "filename": source["title"],
        "page": source["page"],
        "heading": source["heading"],
        "url": source["url"],
    }
    return {"type": "file_citation", "file_citation": passage}


def artifact_url(session_id: str, name: str) -> str:
    return f"/api/conversations/{quote(session_id)}/artifacts/{quote(name)}"


def public_artifact(session_id: str, file: FileInfo) -> PublicArtifact:
    """A file of a session as every route shows it."""
    return {
        "filename": file.name,
        "url": artifact_url(session_id, file.name),
        "mime": file.mime,
        "bytes": file.bytes,
    }


def artifacts(session_id: str, steps: Sequence[Step]) -> list[PublicArtifact]:
    """All files of the steps, each once, in its last state."""
    latest = {ref["filename"]: ref for step in steps for ref in step["artifacts"]}
    return [public_artifact(session_id, FileInfo(name, ref["bytes"], ref["mime"])) for name, ref in latest.items()]


def public_step(session_id: str, step: Step) -> PublicStep:
    return {**step, "artifacts": artifacts(session_id, [step])}
