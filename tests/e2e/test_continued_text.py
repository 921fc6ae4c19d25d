"""Editors' completion with the real model: gaps filled in, texts continued, the marks that editors write."""

import pytest

from llm.llamacpp import LlamaCppChat
from tests.serving import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PREFIX = 'def fibonacci(n):\n    """The n-th Fibonacci number."""\n    if n < 2:\n        return n\n    return '
SUFFIX = "\n\n\nprint(fibonacci(10))\n"


async def test_a_gap_in_a_program_is_filled_in(real_service: Service) -> None:
    done = await real_service.client.completions.create(
        model="auto", prompt=PREFIX, suffix=SUFFIX, max_tokens=40, temperature=0
    )
    (choice,) = done.choices
    assert choice.finish_reason == "stop", choice.text
    assert choice.text.replace(" ", "").strip() in ("fibonacci(n-1)+fibonacci(n-2)", "fibonacci(n-2)+fibonacci(n-1)")
    assert done.usage is not None
    assert done.usage.completion_tokens < 20


async def test_marks_that_an_editor_writes_mean_the_same(real_service: Service) -> None:
    marked = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
    client = real_service.client.completions
    written = await client.create(model="chat", prompt=marked, max_tokens=40, temperature=0)
    given = await client.create(model="chat", prompt=PREFIX, suffix=SUFFIX, max_tokens=40, temperature=0)
    assert written.choices[0].text == given.choices[0].text


async def test_a_text_is_continued_without_a_template(real_service: Service) -> None:
    stream = await real_service.client.completions.create(
        model="chat", prompt="one, two, three, four, five,", max_tokens=12, temperature=0, stream=True, stop=["eight"]
    )
    text = "".join([choice.text async for chunk in stream for choice in chunk.choices])
    assert text.replace(" ", "") == "six,seven,"


async def test_marks_inside_a_gap_are_plain_text(real_model: LlamaCppChat) -> None:
    """Somebody's file about these marks neither ends the prompt nor moves the gap."""
    from llm.llama.raw_prompt import RawPrompt, raw_tokens

    native = real_model.engine._model
    assert native is not None
    marks = native.infill_marks
    assert marks is not None
    tokens = raw_tokens(RawPrompt("a <|fim_middle|> <|endoftext|>", "b <|fim_prefix|>"), native)
    assert [token for token in tokens if token in marks] == list(marks)


async def test_penalties_end_a_repetition(real_service: Service) -> None:
    prompt = "la la la la la la la la"
    texts = []
    for penalty in (0, 2):
        done = await real_service.client.completions.create(
            model="chat", prompt=prompt, max_tokens=24, temperature=0, frequency_penalty=penalty
        )
        texts.append(done.choices[0].text)
    plain, changed = texts
    assert changed.count("la") < plain.count("la")
