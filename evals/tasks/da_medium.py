"""Level 2: groups, correlations, filters in two steps."""

import pandas as pd

from evals import tables
from evals.tasks.da_question import Question


def questions() -> list[Question]:
    """Twelve."""
    orders, patients, weather = tables.orders(), tables.patients(), tables.weather()
    houses, students = tables.houses(), tables.students()
    value = orders["quantity"] * orders["price"]
    district = houses.groupby("district")["price_k"].mean()
    month = weather.groupby(weather["date"].str[5:7])["temp_max"].mean()
    school = students.groupby("school")["math"].mean()
    bmi = patients["weight_kg"] / (patients["height_cm"] / 100) ** 2
    per_month = value.groupby(orders["date"].str[:7]).sum()
    groups = pd.cut(patients["age"], [0, 39, 59, 120], labels=["young", "middle", "old"])
    pressure = patients.groupby(groups, observed=True)["systolic"].mean()
    area_price = round(houses["area_m2"].corr(houses["price_k"]), 2)
    rate = students.groupby("grade")["passed"].apply(lambda column: (column == "yes").mean())
    return [
        Question(
            "houses.csv",
            "Which district has the highest mean price_k, and what is it?",
            "Round the mean to two decimal places.",
            "@district[name], @mean_price[value]",
            {"district": str(district.idxmax()), "mean_price": round(district.max(), 2)},
        ),
        Question(
            "houses.csv",
            "Compute the Pearson correlation between area_m2 and price_k. Is it positive or negative?",
            "Round to two decimal places. The sign is 'positive' or 'negative'.",
            "@correlation[value], @sign[word]",
            {"correlation": area_price, "sign": "positive" if area_price > 0 else "negative"},
        ),
        Question(
            "weather.csv",
            "Which month has the highest mean temp_max?",
            "Give the month as a number from 1 to 12 and the mean rounded to two decimal places.",
            "@month[number], @mean_temp[value]",
            {"month": int(str(month.idxmax())), "mean_temp": round(month.max(), 2)},
        ),
        Question(
            "students.csv",
            "Compare the mean math score of the schools: which is highest and which is lowest?",
            "Use the column school.",
            "@highest[school], @lowest[school]",
            {"highest": str(school.idxmax()), "lowest": str(school.idxmin())},
        ),
        Question(
            "patients.csv",
            "Calculate the mean body mass index of the patients.",
            "BMI is weight_kg divided by the square of the height in metres. Leave out patients without a weight. "
            "Round to two decimal places.",
            "@mean_bmi[value]",
            {"mean_bmi": round(bmi.mean(), 2)},
        ),
        Question(
            "orders.csv",
            "In which month was the revenue highest, and how much was it?",
            "Revenue is quantity times price. Give the month as YYYY-MM and the revenue with two decimal places.",
            "@month[YYYY-MM], @revenue[value]",
            {"month": str(per_month.idxmax()), "revenue": round(per_month.max(), 2)},
        ),
        Question(
            "patients.csv",
            "Divide the patients into age groups and compute the mean systolic value of each.",
            "Groups: young (up to 39), middle (40 to 59), old (60 and more); leave out patients without an age. Round to "
            "two decimal places.",
            "@young[value], @middle[value], @old[value]",
            {str(name): round(mean, 2) for name, mean in pressure.items()},
        ),
        Question(
            "weather.csv",
            "What is the mean wind_kmh on rainy days and on dry days?",
            "A day is rainy when rain_mm is greater than 0. Round to two decimal places.",
            "@rainy[value], @dry[value]",
            {
                "rainy": round(weather[weather["rain_mm"] > 0]["wind_kmh"].mean(), 2),
                "dry": round(weather[weather["rain_mm"] == 0]["wind_kmh"].mean(), 2),
            },
        ),
        Question(
            "students.csv",
            "In which grade is the share of students that passed highest?",
            "Give the grade and the share as a fraction between 0 and 1, rounded to two decimal places.",
            "@grade[number], @pass_rate[value]",
            {"grade": int(str(rate.idxmax())), "pass_rate": round(rate.max(), 2)},
        ),
        Question(
            "orders.csv",
            "Fill a pivot table with the total quantity by city and product: which pair is highest?",
            "Give city, product and the total.",
            "@city[name], @product[name], @total[number]",
            _best_pair(orders),
        ),
        Question(
            "houses.csv",
            "What is the mean price per square metre of houses with at least 4 rooms?",
            "Compute price_k * 1000 / area_m2 for each house, then the mean. Round to two decimal places.",
            "@price_per_m2[value]",
            {"price_per_m2": round((houses["price_k"] * 1000 / houses["area_m2"])[houses["rooms"] >= 4].mean(), 2)},
        ),
        Question(
            "patients.csv",
            "Is the mean systolic value of smokers higher than that of the others? By how much?",
            "Round the difference (smokers minus others) to two decimal places; answer 'yes' or 'no'.",
            "@higher[yes_or_no], @difference[value]",
            _smokers(patients),
        ),
    ]


def _best_pair(orders: pd.DataFrame) -> dict[str, float | str]:
    totals = orders.groupby(["city", "product"])["quantity"].sum()
    city, product = list(totals.index)[int(totals.argmax())]
    return {"city": str(city), "product": str(product), "total": int(totals.max())}


def _smokers(patients: pd.DataFrame) -> dict[str, float | str]:
    mean = patients.groupby("smoker")["systolic"].mean()
    return {"higher": "yes" if mean["yes"] > mean["no"] else "no", "difference": round(mean["yes"] - mean["no"], 2)}
