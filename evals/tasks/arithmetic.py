"""Arithmetic, dates and strings."""

from evals.answers import numbers, words
from evals.task import Task, Turn


def tasks() -> list[Task]:
    """Twelve."""
    asked = [
        ("product", "What is 4739 * 286 - 1254?", numbers(4739 * 286 - 1254)),
        ("primes", "What is the sum of all prime numbers below 500?", numbers(21536)),
        ("days", "How many days are there between 2019-08-23 and 2025-02-11?", numbers(1999)),
        ("reverse", 'Write the text "Norwegian wood furniture" backwards.', words("erutinruf doow naigewroN")),
        (
            "vowels",
            'How many vowels (a, e, i, o, u) are in "The quick brown fox jumps over the lazy dog"?',
            numbers(11),
        ),
        (
            "interest",
            "8000 euros earn 3.5 percent a year, compounded yearly. How much is it after 12 years, to 2 decimals?",
            numbers(round(8000 * 1.035**12, 2)),
        ),
        ("digits", "What is the sum of the digits of 2 to the power of 100?", numbers(115)),
        ("gcd", "What is the greatest common divisor of 7488 and 2808?", numbers(936)),
        ("binary", "Write the decimal number 2741 in binary.", words(f"{2741:b}")),
        ("weekday", "On which day of the week was 1999-12-31?", words("Friday")),
        ("median", "What is the median of 12, 7, 3, 25, 8, 19, 4, 30?", numbers(10)),
        (
            "letters",
            'Which letter occurs most often in "mississippi river steamships", and how often does it occur?',
            numbers(7),
        ),
    ]
    return [Task(f"arithmetic-{name}", "arithmetic", (Turn(question, check),)) for name, question, check in asked]
