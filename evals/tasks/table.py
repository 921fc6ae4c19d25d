"""One table: CSV, Excel or JSON."""

import json

from evals import tables
from evals.answers import both, numbers, words
from evals.task import Task, Turn


def tasks() -> list[Task]:
    """Twelve."""
    orders, patients, weather = tables.orders(), tables.patients(), tables.weather()
    value = orders["quantity"] * orders["price"]
    by_city = value.groupby(orders["city"]).sum()
    month = orders["date"].str[:7]
    wettest = weather.groupby(weather["date"].str[5:7])["rain_mm"].sum()
    sold = orders.groupby("product")["quantity"].sum()
    csv, book = tables.csv(orders), tables.excel({"Orders": orders, "Staff": tables.staff()})
    stock = [
        {"item": item, "shelf": {"row": row, "place": place}, "count": count}
        for item, row, place, count in (
            ("bolt", "A", 3, 420),
            ("nut", "B", 1, 389),
            ("washer", "A", 7, 1250),
            ("screw", "C", 2, 77),
            ("pin", "A", 9, 64),
        )
    ]
    in_a = sum(int(s["count"]) for s in stock if s["shelf"]["row"] == "A")  # type: ignore[index,call-overload]
    asked = [
        (
            "mean",
            "What is the mean quantity per order in orders.csv, to 2 decimals?",
            {"orders.csv": csv},
            numbers(round(orders["quantity"].mean(), 2)),
        ),
        (
            "best-city",
            "Which city has the highest sales (quantity times price) in orders.csv, and how much is it?",
            {"orders.csv": csv},
            both(words(str(by_city.idxmax())), numbers(round(by_city.max(), 2))),
        ),
        (
            "rows",
            "How many orders of more than 8 pieces are there in orders.csv?",
            {"orders.csv": csv},
            numbers(int((orders["quantity"] > 8).sum())),
        ),
        (
            "missing",
            "Which columns of patients.csv have missing values, and how many are missing in each?",
            {"patients.csv": tables.csv(patients)},
            both(words("weight_kg", "age"), numbers(9, 6)),
        ),
        (
            "excel",
            "How many different cities are on the sheet Orders of shop.xlsx?",
            {"shop.xlsx": book},
            numbers(orders["city"].nunique()),
        ),
        (
            "excel-staff",
            "Who has the highest salary according to the sheet Staff in shop.xlsx?",
            {"shop.xlsx": book},
            words("Hal"),
        ),
        (
            "json",
            "How many pieces lie on shelves of row A according to stock.json?",
            {"stock.json": json.dumps(stock).encode()},
            numbers(in_a),
        ),
        (
            "month",
            "In which month of 2024 were the most orders placed according to orders.csv? Answer as YYYY-MM.",
            {"orders.csv": csv},
            words(str(month.value_counts().idxmax())),
        ),
        (
            "correlation",
            "What is the Pearson correlation between age and systolic in patients.csv, to 3 decimals?",
            {"patients.csv": tables.csv(patients)},
            numbers(round(patients["age"].corr(patients["systolic"]), 3), decimals=3),
        ),
        (
            "wettest",
            "Which month had the most rain in total in weather.csv?",
            {"weather.csv": tables.csv(weather)},
            words(
                {
                    "01": "January|01",
                    "02": "February",
                    "03": "March",
                    "04": "April",
                    "05": "May",
                    "06": "June",
                    "07": "July",
                    "08": "August",
                    "09": "September",
                    "10": "October|10",
                    "11": "November|11",
                    "12": "December|12",
                }[str(wettest.idxmax())]
            ),
        ),
        (
            "smokers",
            "What percentage of the patients in patients.csv smoke, to 1 decimal?",
            {"patients.csv": tables.csv(patients)},
            numbers(round((patients["smoker"] == "yes").mean() * 100, 1), decimals=1),
        ),
        (
            "product",
            "Which product sold the fewest pieces in orders.csv, and how many?",
            {"orders.csv": csv},
            both(words(str(sold.idxmin())), numbers(int(sold.min()))),
        ),
    ]
    return [Task(f"table-{name}", "table", (Turn(question, check),), files) for name, question, files, check in asked]
