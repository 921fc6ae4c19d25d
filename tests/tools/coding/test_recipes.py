import time

import pytest

from tools.coding.recipes import MAX_RECIPES, recipes


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (
            "Are sex and diabetes independent? Make a chi-square test.",
            "chi2, p, dof, expected = stats.chi2_contingency",
        ),
        ("Is the correlation of a and b significant?", "stats.pearsonr"),
        ("Run a two-sample t-test.", "stats.ttest_ind"),
        ("Is age normally distributed?", "stats.shapiro"),
        ("How many outliers are there by the IQR rule?", "1.5 * (q3 - q1)"),
        ("Fit a regression on the first 80 rows and predict the rest.", "LinearRegression"),
        ("What is the slope of the regression line?", "stats.linregress"),
        ("Which class has the highest pass rate?", 'groupby(df["g"]).mean()'),
        ("By how many percent did sales change?", "(new / old - 1) * 100"),
        ("Which month sold most?", "pd.to_datetime"),
        ("How many orders are in jan.csv and feb.csv together?", "len(df)"),
        ("What is the population standard deviation of 1, 2, 3?", "ddof=0"),
    ],
)
def test_a_question_gets_the_lines_that_fit(question: str, told: str) -> None:
    assert told in recipes(question)


def test_plain_questions_get_none_and_none_gets_many() -> None:
    assert recipes("What is 2 ** 64?") == recipes("Reverse the word lamp.") == ""
    everything = "t-test, chi-square, Shapiro, outliers, z-score, regression, skew, kurtosis, month, share"
    parts = ("ttest_ind", "chi2_contingency", "shapiro", "quantile", ".std()", "linregress", "skew()")
    assert [part in recipes(everything) for part in parts] == [True] * MAX_RECIPES + [False] * 4


def test_regression_a_long_question_held_up_everything() -> None:
    began = time.process_time()
    recipes("correlat " * 40_000 + "train which rate " * 40_000)
    assert time.process_time() - began < 1
