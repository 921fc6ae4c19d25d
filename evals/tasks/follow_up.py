"""Later turns that need earlier results: both answers must be correct."""

from evals import tables
from evals.answers import both, numbers, words
from evals.task import Check, Task, Turn


def tasks() -> list[Task]:
    """Ten."""
    orders, houses = tables.orders(), tables.houses()
    by_city = orders.groupby("city")["quantity"].sum().sort_values(ascending=False)
    oslo = orders[orders["city"] == "Oslo"]
    price = houses.groupby("district")["price_k"].mean()
    shop, homes = {"orders.csv": tables.csv(orders)}, {"houses.csv": tables.csv(houses)}
    nothing: dict[str, bytes] = {}
    asked: list[tuple[str, dict[str, bytes], tuple[tuple[str, Check], ...]]] = [
        (
            "cities",
            shop,
            (
                (
                    "Which city in orders.csv ordered the most pieces, and how many?",
                    both(words(str(by_city.index[0])), numbers(int(by_city.iloc[0]))),
                ),
                (
                    "And which one comes second, with how many pieces?",
                    both(words(str(by_city.index[1])), numbers(int(by_city.iloc[1]))),
                ),
            ),
        ),
        (
            "oslo",
            shop,
            (
                ("How many orders from Oslo are in orders.csv?", numbers(len(oslo))),
                ("What is the mean quantity of those, to 2 decimals?", numbers(round(oslo["quantity"].mean(), 2))),
            ),
        ),
        ("double", nothing, (("What is 128 * 46?", numbers(5888)), ("Now divide that by 16.", numbers(368)))),
        (
            "squares",
            nothing,
            (
                ("Make a list of the squares of 1 to 12 and tell me their sum.", numbers(650)),
                ("How many of them are greater than 50?", numbers(5)),
            ),
        ),
        (
            "districts",
            homes,
            (
                (
                    "What is the mean price_k per district in houses.csv? Give each district with 2 decimals.",
                    numbers(*price.round(2).tolist()),
                ),
                ("Which of these is the highest?", words(str(price.idxmax()))),
            ),
        ),
        (
            "large",
            homes,
            (
                (
                    "How many houses in houses.csv have more than 100 square metres (area_m2)?",
                    numbers(int((houses["area_m2"] > 100).sum())),
                ),
                (
                    "And what is the highest price_k among them?",
                    numbers(float(houses[houses["area_m2"] > 100]["price_k"].max())),
                ),
            ),
        ),
        (
            "words",
            nothing,
            (
                (
                    "Sort these words alphabetically: pear, fig, apple, quince, mango. Which one is first?",
                    words("apple"),
                ),
                ("Which of them is the longest?", words("quince")),
            ),
        ),
        (
            "fibonacci",
            nothing,
            (
                ("What is the 30th Fibonacci number (the first two are 1 and 1)?", numbers(832040)),
                ("What is the sum of its digits?", numbers(17)),
            ),
        ),
        (
            "filter",
            shop,
            (
                (
                    "How many orders of the product lamp are in orders.csv?",
                    numbers(int((orders["product"] == "lamp").sum())),
                ),
                ("And how many of the product chair?", numbers(int((orders["product"] == "chair").sum()))),
            ),
        ),
        (
            "dates",
            nothing,
            (
                ("Which date is 100 days after 2024-03-15? Answer as YYYY-MM-DD.", words("2024-06-23")),
                ("On which weekday is that?", words("Sunday")),
            ),
        ),
    ]
    return [
        Task(f"follow_up-{name}", "follow_up", tuple(Turn(*turn) for turn in turns), files)
        for name, files, turns in asked
    ]
