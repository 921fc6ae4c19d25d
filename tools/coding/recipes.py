"""Lines of code that fit a question: small models know that a test exists, and misremember how it is called.

Chosen by the question's words, so that a prompt holds two or three lines and not a manual.
"""

import re

MAX_RECIPES = 3
"""Recipes that one prompt shows."""
MAX_READ = 2000
"""Characters of a question that are looked at: the ways to match grow with the square."""

_RECIPES: tuple[tuple[str, str], ...] = (
    (
        r"correlat\w+.*(?:signific|p[- ]?value|test)|(?:signific|p[- ]?value|test)\w*.*correlat",
        'r, p = stats.pearsonr(df["a"], df["b"])  # from scipy import stats; p below 0.05: significant',
    ),
    (r"spearman", 'rho, p = stats.spearmanr(df["a"], df["b"])  # from scipy import stats'),
    (
        r"\bt[- ]?tests?\b|\bt[- ]statistic",
        't, p = stats.ttest_ind(df[df["g"] == "x"]["a"], df[df["g"] == "y"]["a"])  # from scipy import stats; '
        "equal_var=False: Welch",
    ),
    (r"mann[- ]whitney", "u, p = stats.mannwhitneyu(a, b)  # from scipy import stats"),
    (
        r"anova|f[- ]test",
        'f, p = stats.f_oneway(*[part["a"] for _, part in df.groupby("g")])  # from scipy import stats',
    ),
    (
        r"chi[- ]?squared?|contingency|\bindependen(?:t|ce)\b",
        'chi2, p, dof, expected = stats.chi2_contingency(pd.crosstab(df["a"], df["b"]))  # from scipy import stats',
    ),
    (
        r"shapiro|normally distributed|normality|normal distribution",
        'w, p = stats.shapiro(df["a"].dropna())  # from scipy import stats; p at least 0.05: normal',
    ),
    (
        r"\biqr\b|interquartile|outlier(?!.*\bz[- ]?score)",
        'q1, q3 = df["a"].quantile(0.25), df["a"].quantile(0.75); '
        'inside = df["a"].between(q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)); outliers = (~inside).sum()',
    ),
    (r"\bz[- ]?scores?\b|standardi[sz]e", 'z = (df["a"] - df["a"].mean()) / df["a"].std()'),
    (
        r"(?:train|predict|test set|mean squared|\bmse\b|\brmse\b)(?s:.*)regression"
        r"|regression(?s:.*)(?:train|predict|test set|mean squared|\bmse\b|\brmse\b)",
        'model = LinearRegression().fit(train[["x"]], train["y"]); predicted = model.predict(test[["x"]]); '
        'mse = ((predicted - test["y"]) ** 2).mean()  # from sklearn.linear_model import LinearRegression',
    ),
    (
        r"regression|least squares|\bslope\b|r[- ]squared|\bR2\b",
        'fit = stats.linregress(df["x"], df["y"]); fit.slope, fit.intercept, fit.rvalue ** 2  '
        "# from scipy import stats; rvalue ** 2: R squared",
    ),
    (r"skew", 'df["a"].skew()  # negative: to the left'),
    (r"kurtosis", 'df["a"].kurt()'),
    (
        r"min[- ]?max|scale\w* .{0,40}\b0\b.{0,10}\b1\b|normali[sz]e",
        '(df["a"] - df["a"].min()) / (df["a"].max() - df["a"].min())',
    ),
    (r"rolling|moving (?:average|mean)", 'means = df["a"].rolling(7).mean(); means.max(), df["date"][means.idxmax()]'),
    (
        r"\b(?:month|year|quarter|weekday|day of the week)s?\b",
        'df["date"] = pd.to_datetime(df["date"]); by_month = df.groupby(df["date"].dt.month)["a"].mean()  '
        "# dt.year, dt.quarter, dt.day_name()",
    ),
    (
        r"\b(?:rate|share|proportion|percent\w*|fraction)\b(?s:.*)\b(?:each|per|by|highest|lowest|which)\b"
        r"|\b(?:each|per|by|highest|lowest|which)\b(?s:.*)\b(?:rate|share|proportion|percent\w*|fraction)\b",
        'rates = (df["a"] == "x").groupby(df["g"]).mean()  # the share of x in each group',
    ),
    (r"\b(?:rate|share|proportion|percent\w*|fraction)\b", '(df["a"] == "x").mean()  # a share; times 100: percent'),
    (
        r"\b(?:bins?|age groups?|ranges? of|categori[sz]e)\b",
        'pd.cut(df["a"], [0, 39, 59, 120], labels=["x", "y", "z"])',
    ),
    (r"\bmedian\b", 'statistics.median(numbers), or df["a"].median()  # import statistics'),
    (r"population (?:standard deviation|variance)", 'np.std(numbers), or df["a"].std(ddof=0)  # of the population'),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), line) for pattern, line in _RECIPES)


def recipes(question: str) -> str:
    """The lines that the question's words call for, most special first; empty when there are none."""
    lines = [line for pattern, line in _COMPILED if pattern.search(question[:MAX_READ])][:MAX_RECIPES]
    return "How it is written (with your own names):\n" + "\n".join(lines) if lines else ""
