import pytest

from tools.coding.table_reads import with_described_reads
from tools.files.joins import Linked

EURO = 'pd.read_csv("euro.csv", sep=";", decimal=",", parse_dates=["day"], date_format="%d.%m.%Y")'
RATES = 'pd.read_csv("rates.csv", dtype="str").assign(rate=lambda t: pd.to_numeric(t["rate"].str.replace("%", "")))'
NESTED = 'pd.json_normalize(json.loads(pathlib.Path("n.json").read_text()))'
TABLES = {
    "euro.csv": Linked(("shop", "price", "day"), EURO, texts=("shop",)),
    "rates.csv": Linked(("rate",), RATES),
    "n.json": Linked(("a.b",), NESTED, setup="import json, pathlib"),
    "plain.csv": Linked(("a",), 'pd.read_csv("plain.csv")'),
}


@pytest.mark.parametrize(
    ("code", "program"),
    [
        ('df = pd.read_csv("euro.csv")\nprint(df)', f"df = {EURO}\nprint(df)"),
        (
            "import pandas\nx = pandas.read_csv('./euro.csv', sep=';').head()",
            f"import pandas as pd\nimport pandas\nx = {EURO}.head()",
        ),
        ('d = pd.read_csv("euro.csv",\n  parse_dates=["day"],\n)  # é', f"d = {EURO}  # é"),
        ('a, b = pd.read_csv("euro.csv"), pd.read_csv("rates.csv")', f"a, b = {EURO}, {RATES}"),
        ('df = pd.read_csv("rates.csv", dtype="str")', f"df = {RATES}"),
        ('df = pd.read_csv("euro.csv", sep=";", decimal=",", encoding="utf-8")', f"df = {EURO}"),
        ('df = pd.read_json("n.json")', f"import json, pathlib\ndf = {NESTED}"),
        ('df = pd.read_csv("euro.csv"); df["shop"].str.lower()', f'df = {EURO}; df["shop"].str.lower()'),
    ],
)
def test_a_call_that_asks_for_nothing_else_is_replaced(code: str, program: str) -> None:
    assert with_described_reads(code, TABLES)[0] == program


@pytest.mark.parametrize(
    "code",
    [
        f"df = {EURO}",
        f"df = {RATES}.dropna()",
        'df = pd.read_csv("plain.csv")',
        'df = pd.read_csv("other.csv")',
        'df = pd.read_csv("euro.csv", usecols=["shop"])',
        'df = pd.read_csv("euro.csv", dtype=str)',
        'df = pd.read_csv("euro.csv", parse_dates=["price"])',
        'df = pd.read_csv("euro.csv", index_col=0)',
        'df = pd.read_csv("euro.csv", encoding="cp1250")',
        'df = pd.read_csv("euro.csv", dayfirst=True)',
        'df = pd.read_csv("euro.csv", decimal=".")',
        'df = pd.read_csv("euro.csv", **options)',
        'df = pd.read_csv("euro.csv"); df["price"] = df["price"].str.replace(",", ".")',
        'df = pd.read_csv("euro.csv"); df.price.str.strip()',
        'df = pd.read_csv("euro.csv")\nfor c in df: df[c].str.strip()',
        "print(f\"{pd.read_csv('euro.csv')}\")",
        "df = pd.read_csv(",
    ],
)
def test_other_calls_stay(code: str) -> None:
    assert with_described_reads(code, TABLES) == (code, [])
