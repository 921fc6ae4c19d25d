"""Level 1: one statistic."""

from evals import tables
from evals.tasks.da_question import Question


def questions() -> list[Question]:
    """Twelve."""
    orders, patients, weather = tables.orders(), tables.patients(), tables.weather()
    houses, students = tables.houses(), tables.students()
    return [
        Question(
            "orders.csv",
            "Calculate the mean price of the orders.",
            "Round to two decimal places.",
            "@mean_price[value]",
            {"mean_price": round(orders["price"].mean(), 2)},
        ),
        Question(
            "patients.csv",
            "What is the standard deviation of height_cm?",
            "Use the sample standard deviation. Round to two decimal places.",
            "@std_height[value]",
            {"std_height": round(patients["height_cm"].std(), 2)},
        ),
        Question(
            "weather.csv",
            "On how many days did it rain?",
            "A day is rainy when rain_mm is greater than 0.",
            "@rainy_days[number]",
            {"rainy_days": int((weather["rain_mm"] > 0).sum())},
        ),
        Question(
            "houses.csv",
            "What is the median price_k?",
            "Round to two decimal places.",
            "@median_price[value]",
            {"median_price": round(houses["price_k"].median(), 2)},
        ),
        Question(
            "students.csv",
            "How many students passed?",
            "passed is 'yes' for them.",
            "@passed_count[number]",
            {"passed_count": int((students["passed"] == "yes").sum())},
        ),
        Question(
            "orders.csv",
            "Which city placed the most orders, and how many?",
            "Count rows.",
            "@city[name], @orders[number]",
            {"city": str(orders["city"].value_counts().idxmax()), "orders": int(orders["city"].value_counts().max())},
        ),
        Question(
            "patients.csv",
            "How many values are missing in the column weight_kg?",
            "Count missing values only.",
            "@missing_weight[number]",
            {"missing_weight": int(patients["weight_kg"].isna().sum())},
        ),
        Question(
            "weather.csv",
            "What are the highest temp_max and the lowest temp_min of the year?",
            "Round to one decimal place.",
            "@highest[value], @lowest[value]",
            {"highest": float(weather["temp_max"].max()), "lowest": float(weather["temp_min"].min())},
            1,
        ),
        Question(
            "houses.csv",
            "How many houses were built before 1950?",
            "Use year_built, strictly before 1950.",
            "@old_houses[number]",
            {"old_houses": int((houses["year_built"] < 1950).sum())},
        ),
        Question(
            "students.csv",
            "What is the range of the math scores, that is, the maximum minus the minimum?",
            "The answer is a whole number.",
            "@math_range[number]",
            {"math_range": int(students["math"].max() - students["math"].min())},
        ),
        Question(
            "orders.csv",
            "What is the total quantity of the product 'chair'?",
            "Sum the column quantity.",
            "@chairs[number]",
            {"chairs": int(orders[orders["product"] == "chair"]["quantity"].sum())},
        ),
        Question(
            "patients.csv",
            "What share of the patients is female?",
            "sex is 'F' for them. Give percent, rounded to one decimal place.",
            "@female_percent[value]",
            {"female_percent": round((patients["sex"] == "F").mean() * 100, 1)},
            1,
        ),
    ]
