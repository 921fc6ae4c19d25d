"""The options of a turn: resolved from the request once, validated and frozen. Later code does not read the request."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from starlette.requests import HTTPConnection

from api.errors import ApiError, bad_request, not_found
from api.files.form_receiver import Received
from api.model_registry import ModelRegistry
from api.runs.settings import RunPolicy
from api.turns.session_claim import TurnEnd
from api.wire.chat_request import AGENT_TYPES, ChatRequest
from api.wire.messages import INSTRUCTIONS
from checkpoints.sessions import EXTERNAL_ID
from checkpoints.users import User
from llm.errors import SchemaError
from llm.served.chat import ServedChat
from nodes.rules.housekeeping import is_housekeeping
from nodes.state import ClientTools, Sampling

VERBOSITY = {"low": "Keep the answer short.", "high": "Answer in detail."}
CHAT_IDS = ("X-OpenWebUI-Chat-Id", "X-Conversation-ID", "X-Chat-ID", "X-Thread-ID")
"""Headers in which front ends send their ID of a chat, with the whole conversation in the body."""
FEWER, MORE = ("none", "minimal", "low"), ("high", "xhigh")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the connection itself says about a request."""

    address: str
    """The client's address for the service: scheme, host and port."""
    session: str | None = None
    """The client's ID of its session, from `X-Session-ID`."""
    policy: str | None = None
    """`X-Run-Policy`."""
    chat: str | None = None
    """A front end's ID of the chat, from one of `CHAT_IDS`."""

    @classmethod
    def of(cls, connection: HTTPConnection) -> "Origin":
        called, headers = connection.base_url, connection.headers
        address = str(called.replace(scheme=called.scheme.replace("ws", "http")))
        chat = next(filter(None, map(headers.get, CHAT_IDS)), None)
        return cls(address, headers.get("x-session-id"), headers.get("x-run-policy"), chat)


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A validated request, its user and origin, and its uploads."""

    chat: ChatRequest
    user: User
    origin: Origin
    files: Sequence[Received] = ()
    after: TurnEnd | None = None
    """The end of an earlier turn, after which the messages come."""
    instructions: str = ""
    """For this turn only."""
    only_tools: frozenset[str] | None = None
    """Names of the service's tools that the turn may use; None: all."""


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How to answer a turn."""

    user: User
    mode: str
    model: str
    """The backend's model that answers."""
    question: str
    """The text of the last user message."""
    session: str | None
    """The ID of the session to continue."""
    external_session: str | None
    """The client's own ID of its session."""
    continued: str | None
    """The answer that this turn continues; None: it gives a new one."""
    chat: str | None
    """The front end's ID of the chat."""
    policy: RunPolicy
    sampling: Sampling
    client_tools: ClientTools
    response_format: dict[str, Any] | None
    instructions: str
    only_tools: frozenset[str] | None
    step_factor: float
    """Multiplies the service's step limit, from `reasoning_effort`."""
    address: str
    include_usage: bool
    background: bool
    housekeeping: bool
    """A request that a front end makes for itself (a title, tags), outside of any session."""


@dataclass(frozen=True, slots=True)
class OptionsResolver:
    """Resolves requests for this service's models and settings. `public_url` overrides the address that a client
    uses.
    """

    models: ModelRegistry
    default_policy: RunPolicy
    public_url: str

    async def resolve(self, request: TurnRequest) -> TurnOptions:
        """Raises 400 for unsupported values, naming the field; 403 if the user may not do this; 404 for an unknown
        model.
        """
        chat, user = request.chat, request.user
        if user.role == "guest" and (request.files or any(message.attached for message in chat.messages)):
            raise ApiError(403, "Guests cannot send files.", param="files", code="forbidden")
        client_tools = ClientTools(
            () if chat.continued is not None else chat.own_tools, chat.choice, chat.parallel_tool_calls is not False
        )
        sampling = Sampling(
            temperature=chat.temperature,
            top_p=chat.top_p,
            seed=chat.seed,
            frequency_penalty=chat.frequency_penalty,
            presence_penalty=chat.presence_penalty,
            max_tokens=chat.token_limit,
            stop=chat.stops,
        )
        form, include_usage = chat.wanted_format, chat.wants_usage
        question = await asyncio.to_thread(lambda: chat.asked)  # it reads every word of a long message
        model = await self.models.choice_of(user, chat.model)
        handle = self.models.get(model)
        mode = _mode(chat, user, self.models)
        await _check(chat, handle)
        session = _session(chat)
        return TurnOptions(
            user=user,
            mode=mode,
            model=model,
            question=question,
            session=session,
            external_session=request.origin.session or None,
            continued=chat.continued,
            chat=_chat(request),
            policy=self.policy(request.origin.policy),
            sampling=sampling,
            client_tools=client_tools,
            response_format=form,
            instructions="\n\n".join(filter(None, [request.instructions, VERBOSITY.get(chat.verbosity or "")])),
            only_tools=request.only_tools,
            step_factor=0.5 if chat.reasoning_effort in FEWER else 2 if chat.reasoning_effort in MORE else 1,
            address=(self.public_url or request.origin.address).rstrip("/"),
            include_usage=include_usage,
            background=chat.background,
            housekeeping=not session and request.after is None and _is_housekeeping(request),
        )

    def policy(self, wanted: str | None) -> RunPolicy:
        """What to do if the session is answering another message: the header or the setting. Raises 400."""
        match wanted or self.default_policy:
            case "reject" | "enqueue" | "interrupt" as policy:
                return policy
            case _:
                raise bad_request("X-Run-Policy: use reject, enqueue or interrupt", "X-Run-Policy")


def _mode(chat: ChatRequest, user: User, models: ModelRegistry) -> str:
    """`agent_type` overrides `model`; a backend's model runs in `auto`; guests always get `chat`."""
    if chat.agent_type is None and chat.model not in AGENT_TYPES and chat.model not in models.names:
        known = ", ".join([*AGENT_TYPES, *models.names])
        raise not_found(f"model {chat.model!r}; available models: {known}", "model")
    if user.role == "guest":
        return "chat"
    mode = chat.agent_type or (chat.model if chat.model in AGENT_TYPES else "auto")
    if not chat.must_call:
        return mode
    if mode not in ("auto", "chat"):
        raise bad_request(
            f"tool_choice: mode {mode} decides by itself which tools it calls; use auto or chat to require a call",
            "tool_choice",
            "tools_of_two",
        )
    return "chat"


async def _check(chat: ChatRequest, model: BaseChatModel) -> None:
    """Raise 400 if this model cannot make a required call or enforce the response format."""
    if chat.own_tools and isinstance(model, ServedChat):
        await model.ready()
    if chat.must_call and not getattr(model, "native_tools", False):
        raise bad_request("tools: this model does not support tools", "tools", "unsupported_field")
    check = getattr(model, "check_format", None)
    if chat.wanted_format is not None and check is not None:
        try:
            await asyncio.to_thread(check, chat.wanted_format)
        except SchemaError as error:
            field = "response_format.json_schema.schema"
            raise bad_request(f"{field}: {error}", field, "invalid_schema") from error


def _session(chat: ChatRequest) -> str | None:
    """From the field or the metadata."""
    session = chat.session_id or (chat.metadata or {}).get("session_id")
    return str(session) if session else None


def _chat(request: TurnRequest) -> str | None:
    """From the field or the header, unless the request names its session. An invalid one is ignored: it only helps."""
    if request.after is not None or request.origin.session or _session(request.chat):
        return None
    chat = request.chat.chat_id or request.origin.chat
    return chat if chat and EXTERNAL_ID.fullmatch(chat) else None


def _is_housekeeping(request: TurnRequest) -> bool:
    chat = request.chat
    own_work = chat.continued is not None or chat.background or chat.own_tools or request.files
    if own_work or chat.agent_type not in (None, "auto", "chat"):
        return False
    said = [message for message in chat.messages if message.role not in INSTRUCTIONS]
    # Some front ends send the instruction and the beginning of the conversation as two messages.
    if any(message.role != "user" or message.attached for message in said):
        return False
    system = [request.instructions, *(message.text for message in chat.messages if message.role in INSTRUCTIONS)]
    return is_housekeeping(_joined(message.text for message in said), _joined(system))


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(filter(None, texts))
