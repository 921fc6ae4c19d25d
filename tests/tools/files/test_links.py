from tools.files.links import links


def test_tables_that_share_a_column_are_joined() -> None:
    assert links({"orders.csv": ("id", "product"), "costs.csv": ("product", "cost"), "notes.md": ()}) == [
        "orders.csv and costs.csv share product: join them with a.merge(b, on='product')"
    ]


def test_tables_of_one_form_are_put_together() -> None:
    assert links({"a.csv": ("id", "n"), "b.csv": ("n", "id")}) == [
        "a.csv and b.csv have the same columns; both together: pd.concat([a, b])"
    ]


def test_strangers_have_nothing_to_say() -> None:
    assert links({"a.csv": ("x",), "b.csv": ("y",)}) == []
