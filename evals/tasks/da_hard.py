"""Level 3: outliers, tests, models, several steps in one."""

import numpy as np
import pandas as pd
from scipy import stats  # type: ignore[import-untyped]

from evals import tables
from evals.tasks.da_question import Question


def questions() -> list[Question]:
    """Twelve."""
    orders, patients, weather = tables.orders(), tables.patients(), tables.weather()
    houses, students = tables.houses(), tables.students()
    wind = weather["wind_kmh"]
    low, high = wind.quantile(0.25), wind.quantile(0.75)
    outside = (wind < low - 1.5 * (high - low)) | (wind > high + 1.5 * (high - low))
    slope, intercept = np.polyfit(houses["area_m2"], houses["price_k"], 1)
    residual = houses["price_k"] - (slope * houses["area_m2"] + intercept)
    fit = 1 - (residual**2).sum() / ((houses["price_k"] - houses["price_k"].mean()) ** 2).sum()
    pearson = stats.pearsonr(students["hours"], students["math"])
    smokes, others = (patients[patients["smoker"] == word]["systolic"] for word in ("yes", "no"))
    ttest = stats.ttest_ind(smokes, others)
    weight = patients["weight_kg"].fillna(patients["weight_kg"].mean())
    skew = float(stats.skew(orders["price"], bias=False))
    table = pd.crosstab(students["school"], students["passed"])
    chi = stats.chi2_contingency(table)
    normal = stats.shapiro(patients["height_cm"])
    weekly = weather["temp_max"].rolling(7).mean()
    cleaned = patients.dropna(subset=["age", "weight_kg"])
    scaled = (houses["price_k"] - houses["price_k"].min()) / (houses["price_k"].max() - houses["price_k"].min())
    train, test = students.iloc[:90], students.iloc[90:]
    coef = np.polyfit(train["hours"], train["math"], 1)
    error = ((np.polyval(coef, test["hours"]) - test["math"]) ** 2).mean()
    return [
        Question(
            "weather.csv",
            "Find the outliers of wind_kmh with the IQR rule and compute the mean of the rest.",
            "Outliers lie more than 1.5 IQR below the first or above the third quartile. Round the mean to two decimal "
            "places.",
            "@outliers[number], @clean_mean[value]",
            {"outliers": int(outside.sum()), "clean_mean": round(wind[~outside].mean(), 2)},
        ),
        Question(
            "houses.csv",
            "Fit a linear regression of price_k on area_m2. What are the slope and R squared?",
            "Ordinary least squares with intercept on all rows. Round both to two decimal places.",
            "@slope[value], @r_squared[value]",
            {"slope": round(slope, 2), "r_squared": round(fit, 2)},
        ),
        Question(
            "students.csv",
            "Test whether hours and math are correlated.",
            "Pearson correlation, rounded to two decimal places; 'yes' when the two-sided p-value is below 0.05, else "
            "'no'.",
            "@correlation[value], @significant[yes_or_no]",
            {
                "correlation": round(float(pearson.statistic), 2),
                "significant": "yes" if pearson.pvalue < 0.05 else "no",
            },
        ),
        Question(
            "patients.csv",
            "Do smokers and non-smokers differ in systolic?",
            "Independent two-sample t-test with equal variances. Round the t statistic (smokers first) to two decimal "
            "places; 'yes' when the p-value is below 0.05, else 'no'.",
            "@t_statistic[value], @differ[yes_or_no]",
            {"t_statistic": round(float(ttest.statistic), 2), "differ": "yes" if ttest.pvalue < 0.05 else "no"},
        ),
        Question(
            "patients.csv",
            "Fill the missing values of weight_kg with the column's mean, then compute the standard "
            "deviation of the filled column.",
            "Sample standard deviation, rounded to two decimal places.",
            "@std_filled[value]",
            {"std_filled": round(weight.std(), 2)},
        ),
        Question(
            "orders.csv",
            "Compute the skewness of price and say whether the distribution is skewed to the left or to the right.",
            "Use pandas' skew(). Round to two decimal places; 'left' when it is negative, else 'right'.",
            "@skewness[value], @direction[left_or_right]",
            {"skewness": round(skew, 2), "direction": "left" if skew < 0 else "right"},
        ),
        Question(
            "students.csv",
            "Are school and passed independent? Make a chi-square test of the contingency table.",
            "Round the chi-square statistic to two decimal places; 'yes' when the p-value is at least 0.05, else 'no'.",
            "@chi_square[value], @independent[yes_or_no]",
            {"chi_square": round(float(chi.statistic), 2), "independent": "yes" if chi.pvalue >= 0.05 else "no"},
        ),
        Question(
            "patients.csv",
            "Is height_cm normally distributed? Use the Shapiro-Wilk test.",
            "Round the p-value to two decimal places; 'yes' when it is at least 0.05, else 'no'.",
            "@p_value[value], @normal[yes_or_no]",
            {"p_value": round(float(normal.pvalue), 2), "normal": "yes" if normal.pvalue >= 0.05 else "no"},
        ),
        Question(
            "weather.csv",
            "Compute the 7-day rolling mean of temp_max. What is its highest value, and on which date does it end?",
            "Use full windows only. Round to two decimal places.",
            "@highest[value], @date[YYYY-MM-DD]",
            {"highest": round(weekly.max(), 2), "date": str(weather["date"].iloc[int(weekly.argmax())])},
        ),
        Question(
            "patients.csv",
            "Remove the rows with a missing age or weight_kg. How many are left, and what is the "
            "correlation between age and systolic among them?",
            "Pearson, rounded to two decimal places.",
            "@rows_left[number], @correlation[value]",
            {"rows_left": len(cleaned), "correlation": round(cleaned["age"].corr(cleaned["systolic"]), 2)},
        ),
        Question(
            "houses.csv",
            "Scale price_k to the range 0 to 1 (min-max). What are the mean and the median of the scaled column?",
            "Round to two decimal places.",
            "@scaled_mean[value], @scaled_median[value]",
            {"scaled_mean": round(scaled.mean(), 2), "scaled_median": round(scaled.median(), 2)},
        ),
        Question(
            "students.csv",
            "Train a linear regression of math on hours with the first 90 rows and predict the last 30. "
            "What is the mean squared error?",
            "Ordinary least squares with intercept. Round to two decimal places.",
            "@mse[value]",
            {"mse": round(float(error), 2)},
        ),
    ]
