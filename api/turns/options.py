"""What a request asks for besides its words, resolved for a run or refused by name."""

import asyncio
from dataclasses import replace

from langchain_core.language_models import BaseChatModel
from starlette.requests import HTTPConnection

from api.errors import ApiError, bad_request, not_found
from api.runs.settings import RunPolicy
from api.services import Services
from api.wire.chat_request import AGENT_TYPES, ChatRequest
from checkpoints.users import User
from llm.errors import SchemaError
from llm.served.chat import ServedChat
from nodes.state import ClientTools, Limits, Sampling


def may_choose(services: Services, user: User) -> bool:
    return services.settings.accounts.allow_model_choice or user.role == "admin"


def check_choice(model: str, services: Services, user: User) -> None:
    """Raises 403 for another model than the default one where users may not choose."""
    if model != services.models.default and not may_choose(services, user):
        raise ApiError(403, "Only administrators choose the model here.", param="model", code="forbidden")


def asked_session(request: HTTPConnection, chat: ChatRequest) -> str | None:
    """The session that the client names: field, header or metadata."""
    in_metadata = (chat.metadata or {}).get("session_id")
    session_id = chat.session_id or request.headers.get("x-session-id") or in_metadata
    return str(session_id) if session_id else None


def wanted_mode(chat: ChatRequest, services: Services, user: User) -> str:
    """`agent_type` wins over `model`; a backend's model runs in `auto`; guests chat, whatever they ask for.

    Raises 404 for an unknown model.
    """
    if chat.agent_type is None and chat.model not in (*AGENT_TYPES, *services.models.names):
        known = ", ".join([*AGENT_TYPES, *services.models.names])
        raise not_found(f"model as {chat.model!r}; there are: {known}", "model")
    if user.role == "guest":
        return "chat"
    return mode_with_tools(chat, chat.agent_type or (chat.model if chat.model in AGENT_TYPES else "auto"))


def wanted_policy(request: HTTPConnection, services: Services) -> RunPolicy:
    """What to do while the session answers another message: the header, or the setting. Raises 400."""
    match request.headers.get("x-run-policy", services.settings.runs.policy):
        case "reject" | "enqueue" | "interrupt" as policy:
            return policy
        case _:
            raise bad_request("X-Run-Policy: use reject, enqueue or interrupt", "X-Run-Policy")


async def wanted_model(chat: ChatRequest, services: Services, user: User) -> str:
    """The backend's model that answers: the one named, the user's own choice, or the default. Raises 403 for a name
    where users may not choose."""
    if chat.model in services.models.names:
        check_choice(chat.model, services, user)
        return chat.model
    return await default_model(services, user)


async def default_model(services: Services, user: User) -> str:
    """What answers this user when a request names no model."""
    return await services.models.default_of(user.id) if may_choose(services, user) else services.models.default


FEWER, MORE = ("none", "minimal", "low"), ("high", "xhigh")


def mode_with_tools(chat: ChatRequest, mode: str) -> str:
    """A turn with tools of the client's runs in `chat`: an agent's modes have the service's own tools.

    Raises 400 when both are asked for.
    """
    if chat.own_tools and mode not in ("auto", "chat"):
        raise bad_request(
            f"tools: mode {mode} runs the service's own tools; send your tools with auto or chat",
            "tools",
            "tools_of_two",
        )
    return "chat" if chat.own_tools or chat.messages[-1].role != "user" else mode


async def check_wishes(chat: ChatRequest, model: BaseChatModel) -> None:
    """Raise 400 for tools or a form of answer that this model cannot be held to."""
    if chat.own_tools and isinstance(model, ServedChat):
        await model.ready()
    if chat.own_tools and not getattr(model, "native_tools", False):
        raise bad_request("tools: this model cannot call tools", "tools", "unsupported_field")
    check = getattr(model, "check_format", None)
    if chat.wanted_format is not None and check is not None:
        try:
            await asyncio.to_thread(check, chat.wanted_format)
        except SchemaError as error:
            field = "response_format.json_schema.schema"
            raise bad_request(f"{field}: {error}", field, "invalid_schema") from error


def client_tools(chat: ChatRequest) -> ClientTools:
    """For the run's context."""
    return ClientTools(chat.own_tools, chat.choice, chat.parallel_tool_calls is not False)


def steps_for(chat: ChatRequest, limits: Limits) -> Limits:
    """`reasoning_effort`: half of the steps, or twice as many."""
    if chat.reasoning_effort in FEWER:
        return replace(limits, max_iterations=max(1, limits.max_iterations // 2))
    if chat.reasoning_effort not in MORE:
        return limits
    return replace(limits, max_iterations=limits.max_iterations * 2, max_mends=limits.max_mends * 2)


def sampling_of(chat: ChatRequest) -> Sampling:
    """The request's wishes for the answer."""
    return Sampling(
        temperature=chat.temperature,
        top_p=chat.top_p,
        seed=chat.seed,
        max_tokens=chat.token_limit,
        stop=chat.stops,
    )
