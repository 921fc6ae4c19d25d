import pytest

from tools.coding.tables import all_of_one_form, columns_named, read_for
from tools.files.joins import Linked

ORDERS, COSTS, FIRST, SECOND = "orders", "costs", "first", "second"
TABLES = {
    "orders.csv": Linked(("id", "product", "quantity"), ORDERS),
    "costs.csv": Linked(("product", "cost"), COSTS),
}
ALIKE = {"first.csv": Linked(("id", "day"), FIRST), "second.csv": Linked(("id", "day"), SECOND)}


@pytest.mark.parametrize(
    ("columns", "read"),
    [
        ({"quantity"}, ORDERS),
        ({"product", "cost"}, COSTS),
        ({"quantity", "cost"}, "orders.merge(costs, on='product')"),
        ({"product"}, None),
        (set(), None),
        ({"unheard"}, None),
    ],
)
def test_the_table_that_has_the_columns_is_read(columns: set[str], read: str | None) -> None:
    assert read_for(columns, TABLES) == read


def test_tables_that_look_alike_are_not_guessed_between() -> None:
    assert read_for({"id"}, ALIKE) is None


def test_several_tables_of_one_form_can_be_one() -> None:
    assert all_of_one_form(ALIKE) == "pd.concat([first, second])"
    assert all_of_one_form(TABLES) is None
    assert all_of_one_form({"first.csv": ALIKE["first.csv"]}) is None


def test_the_only_table_is_meant_whatever_is_named() -> None:
    assert read_for(set(), {"costs.csv": TABLES["costs.csv"]}) == COSTS
    assert read_for(set(), {}) is None


def test_columns_are_found_as_texts_and_as_attributes() -> None:
    assert columns_named("df['quantity'] * df[\"cost\"].max('day')", TABLES) == {"quantity", "cost"}
    assert columns_named("df.groupby(x).cost.sum(), df. product, id", TABLES) == {"cost", "product"}
