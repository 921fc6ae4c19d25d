"""Tables generated from a seed: the same bytes on every machine."""

import io

import numpy as np
import pandas as pd


def csv(table: pd.DataFrame) -> bytes:
    """The table as a CSV file."""
    return table.to_csv(index=False).encode()


def excel(sheets: dict[str, pd.DataFrame]) -> bytes:
    """The tables as a workbook."""
    out = io.BytesIO()
    with pd.ExcelWriter(out, engine="openpyxl") as book:
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False)
    return out.getvalue()


def orders(rows: int = 240) -> pd.DataFrame:
    """order_id, date, city, product, quantity, price."""
    draw = np.random.default_rng(11)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 366, rows), unit="D")
    return pd.DataFrame(
        {
            "order_id": np.arange(1001, 1001 + rows),
            "date": days.strftime("%Y-%m-%d"),
            "city": draw.choice(["Oslo", "Rome", "Lyon", "Kyoto", "Lima"], rows, p=[0.3, 0.25, 0.2, 0.15, 0.1]),
            "product": draw.choice(["lamp", "chair", "table", "shelf"], rows),
            "quantity": draw.integers(1, 12, rows),
            "price": draw.choice([12.5, 49.9, 89.0, 120.75], rows),
        }
    )


def patients(rows: int = 180) -> pd.DataFrame:
    """patient, sex, age, height_cm, weight_kg, smoker, systolic; some weights and ages are missing."""
    draw = np.random.default_rng(23)
    age = draw.integers(18, 90, rows).astype(float)
    height = draw.normal(170, 9, rows).round(1)
    weight = (height * 0.9 - 82 + draw.normal(0, 9, rows)).round(1)
    systolic = (95 + age * 0.45 + draw.normal(0, 9, rows)).round(0)
    table = pd.DataFrame(
        {
            "patient": [f"P{n:03}" for n in range(1, rows + 1)],
            "sex": draw.choice(["F", "M"], rows),
            "age": age,
            "height_cm": height,
            "weight_kg": weight,
            "smoker": draw.choice(["yes", "no"], rows, p=[0.28, 0.72]),
            "systolic": systolic,
        }
    )
    table.loc[draw.choice(rows, 9, replace=False), "weight_kg"] = np.nan
    table.loc[draw.choice(rows, 6, replace=False), "age"] = np.nan
    return table


def weather(days: int = 365) -> pd.DataFrame:
    """date, station, temp_min, temp_max, rain_mm, wind_kmh: one station's year, with a few outliers in the wind."""
    draw = np.random.default_rng(5)
    day = np.arange(days)
    middle = 11 - 9 * np.cos(2 * np.pi * (day - 15) / 365)
    low = (middle - 4 + draw.normal(0, 2, days)).round(1)
    wind = draw.gamma(4, 4, days).round(1)
    wind[[40, 200, 301]] = [98.0, 105.5, 112.3]
    return pd.DataFrame(
        {
            "date": (pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D")).strftime("%Y-%m-%d"),
            "station": np.where(day % 2 == 0, "North", "South"),
            "temp_min": low,
            "temp_max": (low + draw.gamma(5, 1.6, days)).round(1),
            "rain_mm": np.where(draw.random(days) < 0.4, draw.gamma(1.2, 5, days), 0).round(1),
            "wind_kmh": wind,
        }
    )


def houses(rows: int = 150) -> pd.DataFrame:
    """district, area_m2, rooms, year_built, distance_km, price_k: price goes with area and distance."""
    draw = np.random.default_rng(31)
    area = draw.normal(95, 28, rows).clip(28).round(1)
    distance = draw.gamma(2.2, 3, rows).round(1)
    return pd.DataFrame(
        {
            "district": draw.choice(["Center", "Harbour", "Hills", "Parks"], rows),
            "area_m2": area,
            "rooms": (area // 25 + draw.integers(0, 2, rows)).astype(int),
            "year_built": draw.integers(1890, 2021, rows),
            "distance_km": distance,
            "price_k": (60 + area * 3.1 - distance * 6 + draw.normal(0, 28, rows)).round(1),
        }
    )


def students(rows: int = 120) -> pd.DataFrame:
    """name, school, grade, math, reading, hours, passed."""
    draw = np.random.default_rng(47)
    hours = draw.gamma(4, 1.5, rows).round(1)
    math = (42 + hours * 4.2 + draw.normal(0, 10, rows)).clip(0, 100).round(0)
    reading = (math * 0.5 + 33 + draw.normal(0, 9, rows)).clip(0, 100).round(0)
    return pd.DataFrame(
        {
            "name": [f"Student {n}" for n in range(1, rows + 1)],
            "school": draw.choice(["East", "West", "Lake"], rows),
            "grade": draw.integers(7, 11, rows),
            "math": math.astype(int),
            "reading": reading.astype(int),
            "hours": hours,
            "passed": np.where((math >= 60) & (reading >= 55), "yes", "no"),
        }
    )


def staff() -> pd.DataFrame:
    """person, office, salary, started."""
    return pd.DataFrame(
        {
            "person": ["Ann", "Bob", "Cid", "Dee", "Eva", "Finn", "Gus", "Hal"],
            "office": ["Oslo", "Rome", "Oslo", "Lyon", "Rome", "Oslo", "Lyon", "Rome"],
            "salary": [52000, 48000, 61000, 45500, 57250, 39900, 50000, 66000],
            "started": [2015, 2018, 2012, 2020, 2016, 2022, 2019, 2011],
        }
    )
