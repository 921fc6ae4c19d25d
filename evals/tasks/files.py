"""Several files at once."""

import json

import pandas as pd

from evals import tables
from evals.answers import both, numbers, words
from evals.task import Task, Turn


def tasks() -> list[Task]:
    """Ten."""
    orders, staff = tables.orders(), tables.staff()
    prices = pd.DataFrame({"product": ["lamp", "chair", "table", "shelf"], "cost": [8.0, 30.0, 61.5, 20.25]})
    first, second = orders[orders["date"] < "2024-07-01"], orders[orders["date"] >= "2024-07-01"]
    joined = orders.merge(prices, on="product")
    cost = (joined["quantity"] * joined["cost"]).sum()
    profit = (joined["quantity"] * (joined["price"] - joined["cost"])).groupby(joined["product"]).sum()
    budget = pd.DataFrame({"office": ["Oslo", "Rome", "Lyon"], "budget": [150000, 180000, 99000]})
    pay = staff.groupby("office")["salary"].sum()
    over = [o for o, b in zip(budget["office"], budget["budget"], strict=True) if pay[o] > b]
    half = {"first.csv": tables.csv(first), "second.csv": tables.csv(second)}
    pricing = {"orders.csv": tables.csv(orders), "costs.csv": tables.csv(prices)}
    paying = {"staff.csv": tables.csv(staff), "budget.csv": tables.csv(budget)}
    capitals = {"Oslo": "Norway", "Rome": "Italy", "Lyon": "France", "Kyoto": "Japan", "Lima": "Peru"}
    places = {"orders.csv": tables.csv(orders), "countries.json": json.dumps(capitals).encode()}
    country = orders.groupby(orders["city"].map(capitals))["quantity"].sum()
    asked = [
        ("rows", "How many orders are in first.csv and second.csv together?", half, numbers(len(orders))),
        (
            "more",
            "Which of first.csv and second.csv has the higher total quantity, and what is that total?",
            half,
            numbers(int(max(first["quantity"].sum(), second["quantity"].sum()))),
        ),
        (
            "cost",
            "What did all ordered pieces cost us: quantity in orders.csv times the product's cost in costs.csv?",
            pricing,
            numbers(round(cost, 2)),
        ),
        (
            "profit",
            "Which product brings the highest profit (quantity times price minus cost, see orders.csv and costs.csv)?",
            pricing,
            words(str(profit.idxmax())),
        ),
        (
            "over",
            "Which office pays more in salaries (staff.csv) than its budget in budget.csv allows?",
            paying,
            words(*over),
        ),
        (
            "left",
            "How much of the budget of Rome in budget.csv is left after the salaries in staff.csv?",
            paying,
            numbers(int(180000 - pay["Rome"])),
        ),
        (
            "country",
            "How many pieces were ordered in Japan? The cities' countries are in countries.json, the orders in "
            "orders.csv.",
            places,
            numbers(int(country["Japan"])),
        ),
        (
            "best-country",
            "In which country were the most pieces ordered (orders.csv, countries.json), and how many?",
            places,
            both(words(str(country.idxmax())), numbers(int(country.max()))),
        ),
        (
            "change",
            "By how many percent did the mean quantity per order change from first.csv to second.csv, to 1 decimal?",
            half,
            numbers(round((second["quantity"].mean() / first["quantity"].mean() - 1) * 100, 1), decimals=1),
        ),
        (
            "average-pay",
            "What is the mean salary in staff.csv of the offices whose budget in budget.csv is above 120000, to "
            "2 decimals?",
            paying,
            numbers(round(staff[staff["office"].isin(["Oslo", "Rome"])]["salary"].mean(), 2)),
        ),
    ]
    return [Task(f"files-{name}", "files", (Turn(question, check),), given) for name, question, given, check in asked]
