"""Three or more requests in one message: every part must be answered."""

from evals import tables
from evals.answers import both, numbers, words
from evals.task import Task, Turn


def tasks() -> list[Task]:
    """Ten."""
    orders, patients, staff = tables.orders(), tables.patients(), tables.staff()
    value = orders["quantity"] * orders["price"]
    by_product = value.groupby(orders["product"]).sum()
    shop, clinic = {"orders.csv": tables.csv(orders)}, {"patients.csv": tables.csv(patients)}
    office = {"staff.csv": tables.csv(staff)}
    pay = staff.groupby("office")["salary"].mean()
    nothing: dict[str, bytes] = {}
    asked = [
        (
            "shop",
            "For orders.csv: 1. How many orders are there? 2. What is the total quantity? 3. Which product has the "
            "highest sales (quantity times price)?",
            shop,
            both(numbers(len(orders), int(orders["quantity"].sum())), words(str(by_product.idxmax()))),
        ),
        (
            "clinic",
            "Look at patients.csv. Count the patients, compute the mean age to 1 decimal, and find the highest "
            "systolic value.",
            clinic,
            numbers(len(patients), round(patients["age"].mean(), 1), float(patients["systolic"].max()), decimals=1),
        ),
        (
            "numbers",
            "Compute 37 * 43, then tell me whether 1597 is prime, and finally give the sum of the numbers from 1 to "
            "250.",
            nothing,
            both(numbers(37 * 43, 31375), words("prime")),
        ),
        (
            "offices",
            "In staff.csv: find the mean salary per office, say which office pays best, and name the person who "
            "started first.",
            office,
            both(words(str(pay.idxmax()), "Hal"), numbers(round(pay.max(), 2))),
        ),
        (
            "text",
            'Take the sentence "seven silver swans swim silently seaward". Count its words, count the letter s in it, '
            "and write it backwards.",
            nothing,
            both(numbers(6, 7), words("drawaes yltnelis")),
        ),
        (
            "months",
            "Use orders.csv. Find the month with the most orders (YYYY-MM), give the number of orders in it, and "
            "compute the mean price of all orders to 2 decimals.",
            shop,
            both(
                words(str(orders["date"].str[:7].value_counts().idxmax())),
                numbers(int(orders["date"].str[:7].value_counts().max()), round(orders["price"].mean(), 2)),
            ),
        ),
        (
            "smokers",
            "Answer for patients.csv: how many smokers are there? What is their mean systolic value to 1 decimal? "
            "What is it for the others?",
            clinic,
            numbers(
                int((patients["smoker"] == "yes").sum()),
                round(patients[patients["smoker"] == "yes"]["systolic"].mean(), 1),
                round(patients[patients["smoker"] == "no"]["systolic"].mean(), 1),
                decimals=1,
            ),
        ),
        (
            "dates",
            "Tell me how many days 2024 has, on which weekday 2024-02-29 was, and how many days lie between 2024-02-29 "
            "and 2024-12-24.",
            nothing,
            both(numbers(366, 299), words("Thursday")),
        ),
        (
            "cities",
            "From orders.csv list the number of orders per city, tell me which city has the fewest, and compute what "
            "share of all orders that is in percent with 1 decimal.",
            shop,
            both(
                words(str(orders["city"].value_counts().idxmin())),
                numbers(
                    int(orders["city"].value_counts().min()),
                    round(orders["city"].value_counts().min() / len(orders) * 100, 1),
                    decimals=1,
                ),
            ),
        ),
        (
            "raise",
            "Read staff.csv, sum all salaries, compute what a raise of 4 percent for everybody costs, and find out how "
            "many people earn more than 50000.",
            office,
            numbers(int(staff["salary"].sum()), staff["salary"].sum() * 0.04, int((staff["salary"] > 50000).sum())),
        ),
    ]
    return [
        Task(f"planned-{name}", "planned", (Turn(question, check),), files) for name, question, files, check in asked
    ]
