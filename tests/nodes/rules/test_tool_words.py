"""Whether a question is about a client's tool, by the words of its name."""

import pytest

from nodes.rules.tool_words import common_words, is_named


@pytest.mark.parametrize(
    ("name", "question", "named"),
    [
        ("get_weather", "How is the weather in Paris?", True),
        ("getStockPrice", "What are the stock prices of today?", True),
        ("HTTPStatus", "Which HTTP status means gone?", True),
        ("get_stock_price", "What is the price of milk?", False),
        ("search_notes", "Find it in my note", True),
        ("calculator", "Calculate 2 + 2", True),
        ("get_event", "Will it eventually rain?", False),
        ("cat", "Which category is it?", False),
        ("run", "Run it", False),  # its name tells nothing
        ("wetter", "Wie wird das Wetter?", True),
        ("", "", False),
    ],
)
def test_a_tool_is_named_by_all_telling_words_of_its_name(name: str, question: str, named: bool) -> None:
    assert is_named(name, question) is named


def test_words_of_the_name_count_double() -> None:
    function = {"name": "get_weather", "description": "The forecast for a city."}
    assert common_words(function, "The weather forecast, please") == 3
    assert common_words(function, "What is this city?") == 1
    assert common_words({"name": "get_weather"}, "What is this?") == 0
