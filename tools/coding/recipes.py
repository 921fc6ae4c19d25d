"""Lines of code that fit a question: small models know that a test exists, but misremember how to call it.

Selected by the question's words, so that a prompt has two or three lines and not a manual.
"""

import re

MAX_RECIPES = 3
"""Maximum number of recipes in a prompt."""
MAX_READ = 2000
"""Maximum characters of a question that are examined: matching takes quadratic time."""

_TEST = "from scipy import stats; "
_RECIPES: tuple[tuple[str, str], ...] = (
    (
        r"correlat\w+.*(?:signific|p[- ]?value|test)|(?:signific|p[- ]?value|test)\w*.*correlat",
        _TEST + 'r, p = stats.pearsonr(df["a"], df["b"])\n'
        'print("r:", r, "p:", p, "significant:", "yes" if p < 0.05 else "no")',
    ),
    (r"spearman", _TEST + 'rho, p = stats.spearmanr(df["a"], df["b"])'),
    (
        r"\bt[- ]?tests?\b|\bt[- ]statistic",
        _TEST + 'one, other = df[df["g"] == "x"]["a"], df[df["g"] == "y"]["a"]; t, p = stats.ttest_ind(one, other)\n'
        'print("t:", t, "p:", p, "differ:", "yes" if p < 0.05 else "no")  # Welch: equal_var=False',
    ),
    (r"mann[- ]whitney", _TEST + "u, p = stats.mannwhitneyu(a, b)"),
    (r"anova|f[- ]test", _TEST + 'f, p = stats.f_oneway(*[part["a"] for _, part in df.groupby("g")])'),
    (
        r"chi[- ]?squared?|contingency|\bindependen(?:t|ce)\b",
        _TEST + 'chi2, p, dof, expected = stats.chi2_contingency(pd.crosstab(df["a"], df["b"]))\n'
        'print("chi2:", chi2, "p:", p, "independent:", "yes" if p >= 0.05 else "no")',
    ),
    (
        r"shapiro|normally distributed|normality|normal distribution",
        _TEST + 'w, p = stats.shapiro(df["a"].dropna()); print("p:", p, "normal:", "yes" if p >= 0.05 else "no")',
    ),
    (
        r"\biqr\b|interquartile|outlier(?!.*\bz[- ]?score)",
        'q1, q3 = df["a"].quantile(0.25), df["a"].quantile(0.75)\n'
        'inside = df["a"].between(q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)); '
        "rest, outlier_count = df[inside], (~inside).sum()",
    ),
    (r"\bz[- ]?scores?\b|standardi[sz]e", 'z = (df["a"] - df["a"].mean()) / df["a"].std()'),
    (
        r"(?:train|predict|test set|mean squared|\bmse\b|\brmse\b)(?s:.*)regression"
        r"|regression(?s:.*)(?:train|predict|test set|mean squared|\bmse\b|\brmse\b)",
        "from sklearn.linear_model import LinearRegression\n"
        'model = LinearRegression().fit(train[["x"]], train["y"]); predicted = model.predict(test[["x"]])\n'
        'mse = ((predicted - test["y"]) ** 2).mean()',
    ),
    (
        r"regression|least squares|\bslope\b|r[- ]squared|\bR2\b",
        _TEST + 'fit = stats.linregress(df["x"], df["y"]); fit.slope, fit.intercept, fit.rvalue ** 2  # R squared',
    ),
    (r"skew", 'df["a"].skew()  # negative: to the left'),
    (r"kurtosis", 'df["a"].kurt()'),
    (
        r"min[- ]?max|scale\w* .{0,40}\b0\b.{0,10}\b1\b|normali[sz]e",
        '(df["a"] - df["a"].min()) / (df["a"].max() - df["a"].min())',
    ),
    (
        r"rolling|moving (?:average|mean)",
        'means = df["a"].rolling(7).mean(); means.max(), str(df["date"][means.idxmax()])[:10]',
    ),
    (
        r"\b(?:month|year|quarter|weekday|day of the week)s?\b",
        'df["date"] = pd.to_datetime(df["date"]); by_month = df.groupby(df["date"].dt.month)["a"].mean()  '
        "# dt.year, dt.quarter, dt.day_name()",
    ),
    (
        r"percent\w*(?s:.{0,80})\b(?:change|changed|increase|decrease|grow|grew|rise|rose|fall|fell|more|less|higher|lower)\b",
        "change = (new / old - 1) * 100  # percent",
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
    (
        r"\bhow many\b(?s:.*)\.(?:csv|tsv|xlsx|jsonl?|parquet)\b",
        "rows = len(df)  # a row is one thing, such as one order; never add up ids\n"
        'pieces = df[df["g"] == "x"]["quantity"].sum()  # where a column says how many',
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), line) for pattern, line in _RECIPES)


def recipes(question: str) -> str:
    """The lines that fit the question's words, most specific first; empty if there are none."""
    lines = [line for pattern, line in _COMPILED if pattern.search(question[:MAX_READ])][:MAX_RECIPES]
    return "How it is written (with your own names):\n" + "\n".join(lines) if lines else ""
