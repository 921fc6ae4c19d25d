"""Drives LiteLLM and prints the results as JSON in its last line. Runs in the environment of `requirements.lock`."""

import json
import sys
from typing import Any

import litellm  # type: ignore[import-not-found]
import openai

GIVEN = json.loads(sys.argv[1])
SCENES = GIVEN["scenes"]
TOOLS = [{"type": "function", "function": GIVEN["tool"]}]


def ask(messages: Any, model: str = "chat", **more: Any) -> Any:
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    where = {"api_base": f"{GIVEN['url']}/v1", "api_key": "none", "num_retries": 0}
    return litellm.completion(model=f"openai/{model}", messages=messages, **where, **more)


def text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def main() -> None:
    told: dict[str, Any] = {"plain": text(ask(SCENES["hello"]))}
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask(SCENES["hello"], stream=True)]
    told |= {"streamed": "".join(pieces), "pieces": len([piece for piece in pieces if piece])}
    question = {"role": "user", "content": SCENES["weather"]}
    called = ask([question], "auto", tools=TOOLS).choices[0].message
    (call,) = called.tool_calls
    city = json.loads(call.function.arguments)["city"]
    result = {"role": "tool", "tool_call_id": call.id, "content": f"21 degrees in {city}"}
    told["tools"] = text(ask([question, called, result], "auto", tools=TOOLS))
    picture = [{"type": "text", "text": SCENES["look"]}, {"type": "image_url", "image_url": {"url": GIVEN["image"]}}]
    told["image"] = text(ask([{"role": "user", "content": picture}]))
    form = {"type": "json_schema", "json_schema": {"name": "place", "schema": GIVEN["schema"], "strict": True}}
    told["json"] = json.loads(text(ask(SCENES["json"], response_format=form)))
    try:
        list(ask(SCENES["break"], stream=True))
    except openai.OpenAIError as error:
        told["error"] = str(error)
    sys.stdout.write(f"\n{json.dumps(told)}\n")


main()
