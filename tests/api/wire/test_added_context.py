import time

import pytest

from api.wire.added_context import own_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<documents>\n<document><source>a</source></document>\n</documents>\n\nWhich is right?", "Which is right?"),
        ("<task>\nFix it.\n</task>\n\n<environment_details>\nTime: now\n</environment_details>", "Fix it."),
        ("<system-reminder>\nBe careful.\n</system-reminder>\nGo on.", "Go on."),
        ("Hi\n\n<retrieved_chunks>\n<user_query>\n<raw_query>Hi</raw_query>\n</user_query>\n</retrieved_chunks>", "Hi"),
        ("Use these pieces of context.\nContext: a\nb\n\nQuestion: What?\nWhy?\nAnswer:", "What?\nWhy?"),
        ("<context>\na\n</context>\nIs `</context>` a tag? `<context>` is.", "Is `</context>` a tag? `<context>` is."),
        ("<context>\na </context>\nb\n<context>\nc\n</context>\nQuestion?", "Question?"),
    ],
)
def test_more_forms_of_context(text: str, words: str) -> None:
    assert own_words(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "Compare <file>a</file> with the earlier one",
        "<source src='a.mp4'>\nWhat does this do?",
        "Question: a\nAnswer: b",
        "```html\n<document>\n```",
        "<details>\n<summary>a</summary>\n</details>\nIs this right?",
        "files:\n```\na.csv\n```\n",
        "",
    ],
)
def test_text_without_context_is_kept(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *("<context>\n", "</context>\n", "<context></context>\n", "<query>\n", "<user_query>", "<a ", "<context "),
        *("Query: a\n", "# Query: a\n", "Context: a\n", "context\n-----\n", "-----\n", "files:\n```\n", "the " * 9),
        *("<!-- CONTEXT -->", "<!-- END -->", "[CONTEXT]", "[END CONTEXT]", "# "),
    ],
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    began = time.monotonic()
    own_words(piece * (500_000 // len(piece)))
    own_words("<context>\n</context>\n" + piece * (500_000 // len(piece)))
    assert time.monotonic() - began < 3
