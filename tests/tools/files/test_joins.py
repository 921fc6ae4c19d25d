from tools.files.joins import Linked, links

ORDERS = Linked(("id", "product"), 'pd.read_csv("orders.csv")')
COSTS = Linked(("product", "cost"), 'pd.read_csv("costs.csv")')


def test_tables_that_share_a_column_are_joined() -> None:
    assert links({"orders.csv": ORDERS, "costs.csv": COSTS}) == [
        "orders.csv and costs.csv share product; joined: "
        'df = pd.read_csv("orders.csv").merge(pd.read_csv("costs.csv"), on=\'product\')'
    ]


def test_tables_of_one_form_are_put_together() -> None:
    more = Linked(("product", "id"), 'pd.read_csv("more.csv")')
    assert links({"orders.csv": ORDERS, "more.csv": more}) == [
        "orders.csv and more.csv have the same columns; both together: "
        'df = pd.concat([pd.read_csv("orders.csv"), pd.read_csv("more.csv")])'
    ]


def test_strangers_have_nothing_to_say() -> None:
    assert links({"a.csv": Linked(("x",), "a"), "b.csv": Linked(("y",), "b")}) == []
