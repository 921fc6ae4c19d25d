"""Encodes an answer as OpenAI's `chat.completion`."""

import time

from api.wire.answer import Answer
from api.wire.chat_chunks import completion_id
from api.wire.types import Completion, Message


def completion(answer: Answer, model: str) -> Completion:
    """A `chat.completion` with the service's two additional keys."""
    content = answer.text or (None if answer.tool_calls else "")
    message: Message = {"role": "assistant", "content": content, "refusal": None}
    if answer.tool_calls:
        message["tool_calls"] = answer.tool_calls
    if answer.reasoning:
        message["reasoning_content"] = message["reasoning"] = answer.reasoning
    if cites := answer.annotations():
        message["annotations"] = cites
    return {
        "id": completion_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": answer.usage(),
        "x_session_id": answer.session_id or None,
        "x_agent_metadata": answer.metadata(),
    }
