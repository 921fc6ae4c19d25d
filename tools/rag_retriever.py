"""Searches the user's documents and returns the matching passages, with file and page."""

from pydantic import BaseModel, Field
from typing_extensions import override

from tools.agent_tool import AgentTool
from tools.documents import Documents, Found
from tools.errors import ToolFailed, ToolRetry
from tools.kit import OnOutput, ToolKit, in_lines
from tools.names import RAG_RETRIEVER
from tools.purpose import FirstCall, Fit, Purpose
from tools.question import Question, wants_computing, wants_documents
from tools.results import Extras, Source, with_sources
from workspace.names import Names
from workspace.retrieval.types import Hit, VectorsUnavailableError

DESCRIPTION = (
    "searches the text of the uploaded documents (PDF, scans, Word, PowerPoint, e-mail, HTML, Markdown, text) "
    "and returns the passages that fit a question best. It does not read tables of numbers."
)
TOP_K = 5
NOTHING = "No document has been uploaded that could be searched."
NO_HIT = "No passage of the documents has to do with this. Searched: {files}."
MAX_NAMES = 20
"""Maximum number of file names in a text."""
MAX_REASONS = 5
"""Maximum number of unreadable files whose reason is given; `data` has all."""


class RagRetrieverInput(BaseModel):
    """Input of `rag_retriever`."""

    query: str = Field(min_length=1, max_length=2000, description="What to look for: a question or a few words.")
    top_k: int = Field(default=TOP_K, ge=1, le=20, description="How many passages to return.")
    files: list[str] | None = Field(default=None, max_length=100, description="Search these files alone.")


INPUT: type[BaseModel] = RagRetrieverInput


def _fit(question: Question) -> Fit:
    if question.subject == "documents":
        return Fit.NAMED
    if not question.files.documents:
        return Fit.NONE
    about_tables = question.files.tables and wants_computing(question.text) and not wants_documents(question.text)
    return Fit.NONE if about_tables else Fit.POSSIBLE


def _first_call(question: Question) -> FirstCall:
    return FirstCall("I look it up in the documents.", question.text)


PURPOSE = Purpose(
    kind="search",
    fit=_fit,
    first_call=_first_call,
    files=frozenset({"documents", "others"}),
    activity="Searching the documents",
    aliases=("file_search",),
)


class RagRetriever(AgentTool):
    """The observation is the numbered passages; raises `ToolFailed` if there is nothing to search."""

    name: str = RAG_RETRIEVER
    description: str = DESCRIPTION
    args_schema: type[BaseModel] = INPUT
    purpose = PURPOSE
    documents: Documents | None
    user: str
    session: str
    on_output: OnOutput | None = None

    @override
    async def _arun(self, query: str, top_k: int = TOP_K, files: list[str] | None = None) -> tuple[str, Extras]:
        if self.documents is None:
            raise ToolFailed(NOTHING)
        report = in_lines(self.on_output)  # how far the reading of documents has come
        try:
            found = await self.documents.search(self.user, self.session, query, top_k, files, report)
            if files and (meant := _meant(files, found.files)) != files:
                files = meant
                found = await self.documents.search(self.user, self.session, query, top_k, files, report)
        except VectorsUnavailableError as error:
            raise ToolFailed(f"The documents cannot be searched at the moment: {error}") from error
        except OSError as error:
            raise ToolFailed(f"The documents cannot be searched at the moment: {error.strerror}") from error
        if not found.files:
            raise ToolFailed("\n".join([NOTHING, *_limits(found)]))
        unknown = [name for name in files or () if name not in found.files]
        if unknown:
            told = "\n".join(_limits(found))
            raise ToolRetry(f"There is no {unknown[0]!r} to search. There are: {_names(found.files)}.\n{told}".strip())
        if not found.hits:
            return "\n".join([NO_HIT.format(files=_names(found.files)), *_limits(found)]), Extras(data=_data(found))
        return with_sources("\n".join(_limits(found)), [_source(hit) for hit in found.hits], _data(found))


def build(kit: ToolKit) -> RagRetriever:
    """The tool for one session."""
    return RagRetriever(
        documents=kit.documents, user=kit.user, session=kit.workspace.session_id, on_output=kit.on_output
    )


def _meant(files: list[str], searched: list[str]) -> list[str]:
    """The names of the documents, which a model may spell differently; unknown ones are unchanged."""
    names = Names(searched)
    return [names.similar(name) or name for name in files]


def _source(hit: Hit) -> Source:
    passage = hit.passage
    return Source(
        kind="file",
        title=hit.file,
        url=None,
        page=passage.page,
        heading=passage.heading,
        position=passage.position,
        score=hit.score,
        text=passage.text,
    )


def _limits(found: Found) -> list[str]:
    """What the passages do not cover."""
    told = [f"{name} could not be read: {why}" for name, why in list(found.skipped.items())[:MAX_REASONS]]
    if len(found.skipped) > MAX_REASONS:
        told.append(f"{len(found.skipped) - MAX_REASONS} more files could not be read.")
    if found.pending:
        pending = [f"{name} ({progress})" if progress else name for name, progress in found.pending.items()]
        told.append(f"Still being read, and not searched yet: {_names(pending)}.")
    if found.cut:
        told.append(f"So long that their end is not searched: {_names(found.cut)}.")
    told += [f"{name}: {note}" for name, note in list(found.notes.items())[:MAX_REASONS]]
    return told


def _names(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _data(found: Found) -> dict[str, object]:
    return {
        "documents": len(found.files),
        "passages": found.passages,
        "skipped": found.skipped,
        "pending": list(found.pending),
        "progress": {name: progress for name, progress in found.pending.items() if progress},
        "notes": found.notes,
        "cut": found.cut,
        "seconds": {name: round(value, 4) for name, value in found.seconds.items()},
    }
