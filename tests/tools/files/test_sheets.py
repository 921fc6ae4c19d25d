"""Workbooks as people have them: where their tables are, and that the load line gives what the profile says."""

import io
from datetime import date, datetime, time, timedelta
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from tests.tools.files.sheets import analysis
from tests.tools.files.spreadsheets import Rows, add, workbook
from tools.files.formats.sheets.parts import parts
from tools.files.formats.sheets.table import Origin
from tools.files.formats.sheets.workbook import grids, open_book
from tools.files.source import open_source

SALES: Rows = [["Region", "Units", "Price"], ["North", 3, 1.5], ["South", 4, 2.25], ["West", 5, 3.75]]


def test_a_title_and_settings_above_and_a_remark_below(tmp_path: Path) -> None:
    rows: Rows = [
        ["Quarterly report"],
        ["Created:", date(2024, 3, 1)],
        [],
        *SALES,
        [],
        ["Source: the ministry of sales."],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert list(found.frame.columns) == ["Region", "Units", "Price"]
    assert found.frame["Units"].tolist() == [3, 4, 5]
    assert "Quarterly report" in found.notes
    assert "ministry of sales" in found.notes


def test_settings_directly_above_the_header(tmp_path: Path) -> None:
    rows: Rows = [["Report", "Sales", None, None], ["Year", 2024, None, None], ["Region", "Q1", "Q2", "Q3"]]
    rows += [["North", 1, 2, 3], ["South", 4, 5, 6], ["West", 7, 8, 9]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["Q3"].sum() == 18
    assert list(found.frame["Region"]) == ["North", "South", "West"]


@pytest.mark.parametrize("label", ["Total", "TOTAL:", "Summe", "Celkem", "合計", "Итого", "Total 2024"])
def test_a_total_is_left_out(tmp_path: Path, label: str) -> None:
    found = analysis(tmp_path, workbook([*SALES, [label, 12, 7.5]]))
    assert found.frame["Units"].sum() == 12
    assert "Row 5 is a total" in found.notes


def test_a_total_without_a_word_and_one_below_an_empty_row(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([*SALES, [None, 12, 7.5]], [*SALES, [], ["Total", 12, 7.5]]))
    assert [frame["Units"].sum() for frame in found.frames] == [12, 12]


def test_a_category_called_total_is_data(tmp_path: Path) -> None:
    rows: Rows = [["Country", "Sex", "People"]]
    rows += [[country, sex, 5] for country in ("CZ", "DE") for sex in ("Male", "Female", "Total")]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["Sex"].tolist() == ["Male", "Female", "Total"] * 2


def test_names_that_begin_like_a_total_are_data(tmp_path: Path) -> None:
    rows: Rows = [["Shop", "Sales"], ["Ann's", 3], ["Bob's", 4], ["Total Wine & More", 9]]
    assert len(analysis(tmp_path, workbook(rows)).frame) == 3


def test_subtotals_and_the_grand_total_are_left_out(tmp_path: Path) -> None:
    rows: Rows = [["Region", "Shop", "Sales"], ["North", "a", 1], ["North", "b", 2], ["North Total", None, 3]]
    rows += [["South", "c", 4], ["South", "d", 5], ["South Total", None, 9], ["Grand Total", None, 12]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame.groupby("Region")["Sales"].sum().to_dict() == {"North": 3, "South": 9}
    assert "Row 4 is a total (North Total)" in found.notes


def test_two_tables_below_one_another(tmp_path: Path) -> None:
    rows: Rows = [
        ["Sales of shops"],
        *SALES,
        [],
        ["Staff"],
        ["Name", "Since"],
        ["Ann", date(2020, 1, 1)],
        ["Bob", date(2021, 5, 1)],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert [list(frame.columns) for frame in found.frames] == [["Region", "Units", "Price"], ["Name", "Since"]]
    assert [len(frame) for frame in found.frames] == [3, 2]
    assert found.frames[1]["Since"].dt.year.tolist() == [2020, 2021]
    assert [table.name for table in found.tables] == ["Sheet1!A1:C5", "Sheet1!A7:B10"]


@pytest.mark.parametrize("more", [0, 2])
def test_two_tables_side_by_side(tmp_path: Path, more: int) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, *SALES, *[["East", 1, 1]] * more)
        for at, (name, stock) in enumerate((("Product", "Stock"), ("pen", 7), ("ink", 8), ("pad", 9)), start=1):
            sheet.cell(at, 6, name)
            sheet.cell(at, 7, stock)

    found = analysis(tmp_path, workbook(fill))
    assert [list(frame.columns) for frame in found.frames] == [["Region", "Units", "Price"], ["Product", "Stock"]]
    assert found.frames[0]["Units"].sum() == 12 + more
    assert found.frames[1]["Stock"].sum() == 24


def test_an_empty_column_inside_a_table_and_empty_rows(tmp_path: Path) -> None:
    rows: Rows = [
        ["Item", "2022", None, "2023"],
        ["a", 1, None, 2],
        ["b", 3, None, 4],
        [],
        ["c", 5, None, 6],
        ["d", 7, None, 8],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert list(found.frame.columns) == ["Item", "2022", "2023"]
    assert found.frame["2023"].sum() == 20
    assert found.frame["Item"].tolist() == ["a", "b", "c", "d"]
    assert str(found.frame["2022"].dtype) == "int64"


def test_tables_side_by_side_with_figures_as_keys(tmp_path: Path) -> None:
    rows: Rows = [["Year", "Sales", None, "Year", "Visits"], [2021, 1, None, 2021, 10], [2022, 2, None, 2022, 20]]
    found = analysis(tmp_path, workbook(rows))
    assert [list(frame.columns) for frame in found.frames] == [["Year", "Sales"], ["Year", "Visits"]]


def test_a_table_below_whose_names_are_years(tmp_path: Path) -> None:
    rows: Rows = [["City", 2019, 2020], ["Brno", 1, 2], ["Oslo", 3, 4], [], ["Town", 2021, 2022], ["Rome", 5, 6]]
    found = analysis(tmp_path, workbook(rows))
    assert [list(frame.columns) for frame in found.frames] == [["City", "2019", "2020"], ["Town", "2021", "2022"]]


def test_a_header_apart_from_its_data(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([SALES[0], [], *SALES[1:]]))
    assert found.frame["Units"].tolist() == [3, 4, 5]


def test_cells_merged_downwards_in_several_columns(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, ["Year", "Region", "Shop", "Budget", "Note"])
        add(sheet, [2023, "North", "a", 10, "x"], [None, None, "b", None, None], [None, "South", "c", 20, None])
        add(sheet, [2024, None, "d", None, None], [None, "West", "e", 7, "y"])
        for area in ("A2:A4", "B2:B3", "B4:B5", "D2:D3", "D4:D5", "A5:A6"):
            sheet.merge_cells(area)

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["Year"].tolist() == [2023, 2023, 2023, 2024, 2024]
    assert found.frame["Region"].tolist() == ["North", "North", "South", "South", "West"]
    assert found.frame["Budget"].tolist() == [10, 10, 20, 20, 7]
    assert found.frame["Note"].isna().sum() == 3
    assert "sum of Year, Budget counts" in found.notes


def test_cells_merged_beside_cells_that_are_just_empty(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(
            sheet,
            ["Team", "Name", "Age"],
            ["red", "Ann", 31],
            [None, "Bob", 32],
            [None, "Cid", 33],
            ["blue", "Dan", 34],
        )
        sheet.merge_cells("A2:A3")

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["Team"].fillna("-").tolist() == ["red", "red", "-", "blue"]


def test_a_header_of_two_lines(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, ["Visitors of the museums"], [])
        add(
            sheet,
            ["City", "2023", None, "2024", None],
            [None, "Q1", "Q2", "Q1", "Q2"],
            ["Brno", 1, 2, 3, 4],
            ["Oslo", 5, 6, 7, 8],
        )
        for area in ("A1:E1", "A3:A4", "B3:C3", "D3:E3"):
            sheet.merge_cells(area)

    found = analysis(tmp_path, workbook(fill))
    assert list(found.frame.columns) == ["City", "2023 Q1", "2023 Q2", "2024 Q1", "2024 Q2"]
    assert found.frame["2024 Q1"].sum() == 10


def test_a_header_like_a_pivot_table(tmp_path: Path) -> None:
    rows: Rows = [["Sum of Amount", "Column Labels", None, None], ["Row Labels", 2022, 2023, "Grand Total"]]
    rows += [["North", 1, 2, 3], ["South", 4, 5, 9], ["Grand Total", 5, 7, 12]]
    found = analysis(tmp_path, workbook(rows))
    assert list(found.frame.columns) == ["Row Labels", "2022", "2023", "Grand Total"]
    assert found.frame["2023"].tolist() == [2, 5]


def test_groups_of_columns_without_merged_cells(tmp_path: Path) -> None:
    rows: Rows = [
        [None, "2023", None, "2024", None],
        ["Region", "Q1", "Q2", "Q1", "Q2"],
        ["North", 1, 2, 3, 4],
        ["South", 5, 6, 7, 8],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["2023 Q2"].tolist() == [2, 6]
    assert found.frame["2024 Q2"].tolist() == [4, 8]


def test_units_below_the_header(tmp_path: Path) -> None:
    rows: Rows = [["Sample", "Weight", "Height"], [None, "kg", "cm"], ["a", 1.5, 10], ["b", 2.5, 20]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["Weight"].sum() == 4.0
    assert str(found.frame["Height"].dtype) == "int64"
    assert "kg, cm" in found.notes


def test_a_first_row_with_a_missing_value_is_no_row_of_units(tmp_path: Path) -> None:
    rows: Rows = [["City", "Visitors"], ["Brno", "n/a"], ["Oslo", 5], ["Rome", 6], ["Bonn", 7]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["City"].tolist() == ["Brno", "Oslo", "Rome", "Bonn"]
    assert found.frame["Visitors"].sum() == 18


def test_names_in_the_header_are_the_same_in_profile_and_table(tmp_path: Path) -> None:
    rows: Rows = [
        [" Region ", "Units\nsold", "Price (€)", 2024, "Price (€)", None, datetime(2024, 1, 1), "\u00a0Note"],
        ["a", 1, 2, 3, 4, 5, 6, "x"],
    ]
    found = analysis(tmp_path, workbook(rows * 1 + [["b", 1, 2, 3, 4, 5, 6, "y"]]))
    assert list(found.frame.columns) == [
        *("Region", "Units sold", "Price (€)", "2024", "Price (€).1", "Unnamed: 5", "2024-01-01", "Note"),
    ]  # fmt: skip


def test_a_table_that_begins_in_the_middle(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([[], [], *[[None, None, *row] for row in SALES]]))
    assert found.frame["Price"].sum() == 7.5
    assert list(found.frame.columns) == SALES[0]


def test_no_header(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([["a", 1, 2.5], ["b", 3, 4.5], ["c", 5, 6.5]]))
    assert found.frame.shape == (3, 3)
    assert found.frame["column_2"].sum() == 9
    assert "no column names" in found.notes


def test_codes_stay_codes(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(
            sheet,
            ["zip", "plant", "country", "ean"],
            ["00501", 7, "NA", "4006381333931"],
            ["02134", 12, "DE", "4006381333932"],
        )
        add(sheet, ["90210", 345, "AT", "4006381333933"])
        for row in sheet.iter_rows(min_row=2, min_col=2, max_col=2):
            row[0].number_format = "0000"

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["zip"].tolist() == ["00501", "02134", "90210"]
    assert found.frame["plant"].tolist() == ["0007", "0012", "0345"]
    assert found.frame["country"].tolist() == ["NA", "DE", "AT"]
    assert found.frame["ean"].astype(str).iloc[0] == "4006381333931"


def test_codes_of_which_some_are_numbers(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, ["zip", "plant"], ["00501", "0007"], [90210, 12], ["02134", 345])
        for cell in ("B3", "B4"):
            sheet[cell].number_format = "0000"

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["zip"].tolist() == ["00501", "90210", "02134"]
    assert found.frame["plant"].tolist() == ["0007", "0012", "0345"]


def test_numbers_stored_as_text(tmp_path: Path) -> None:
    rows: Rows = [
        ["item", "euro", "share", "price", "mixed", "late"],
        ["a", "1.234,50", "12,5 %", "€ 3", 10, 1.5],
        ["b", "99,00", "7 %", "€ 4", "20", "1,250.75"],
        ["c", "-2.000,25", "0,5 %", "€ 5", 30, 2],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["euro"].sum() == pytest.approx(-666.75)
    assert found.frame["share"].sum() == pytest.approx(20)
    assert found.frame["price"].sum() == 12
    assert found.frame["mixed"].sum() == 60
    assert found.frame["late"].sum() == pytest.approx(1254.25)


def test_regression_a_column_named_like_a_keyword_made_the_workbook_unreadable(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([["name", "class"], ["a", "€ 5.20"], ["b", "€ 6.30"]]))
    assert found.frame["class"].tolist() == [5.2, 6.3]


def test_cells_that_pandas_reads_otherwise_than_expected_are_loaded_as_they_are(tmp_path: Path) -> None:
    """Here, because the file changes between the two readings."""
    before, after = tmp_path / "before.xlsx", tmp_path / "after.xlsx"
    before.write_bytes(workbook([["name", "price"], ["a", "€ 1"], ["b", "€ 2"]]))
    after.write_bytes(workbook([["name", "price"], ["a", "1-2-3"], ["b", 2]]))
    source, tables = open_source(before), []
    for grid in grids(source, open_book(source), None):
        options = {"sheet_name": grid.name, "engine": "calamine"}
        origin = Origin("pd.read_excel", "{name}", options, lambda: after)
        tables += [part.table for part in parts(grid, origin, None)]
    [table] = tables
    assert [column.dtype for column in table.columns] == ["object", "object"]


def test_dates_times_and_booleans(tmp_path: Path) -> None:
    rows: Rows = [
        ["day", "at", "open", "long", "ok", "text", "both"],
        [
            date(2024, 3, 5),
            datetime(2024, 3, 5, 7, 30),
            time(8, 30),
            timedelta(hours=30),
            True,
            "05.03.2024",
            date(2024, 3, 5),
        ],
        [
            date(2024, 3, 13),
            datetime(2024, 3, 5, 7, 31),
            time(9, 30),
            timedelta(hours=1),
            False,
            "13.03.2024",
            "13.03.2024",
        ],
    ]

    def fill(sheet: Worksheet) -> None:
        add(sheet, *rows)
        for row in sheet.iter_rows(min_row=2, min_col=4, max_col=4):
            row[0].number_format = "[h]:mm"

    for epoch in (None, CALENDAR_MAC_1904):
        found = analysis(tmp_path, workbook(fill, **({"epoch": epoch} if epoch else {})))
        assert found.frame["day"].tolist() == [pd.Timestamp("2024-03-05"), pd.Timestamp("2024-03-13")]
        assert found.frame["at"].dt.minute.tolist() == [30, 31]
        assert found.frame["open"].tolist() == [time(8, 30), time(9, 30)]
        assert found.frame["long"].dt.total_seconds().tolist() == [108_000, 3600]
        assert found.frame["ok"].tolist() == [True, False]
        assert found.frame["text"].tolist() == found.frame["day"].tolist()
        assert found.frame["both"].tolist() == found.frame["day"].tolist()


def test_errors_are_missing_and_told(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, ["a", "b"], [1, 2], [3, "#DIV/0!"], [5, "#N/A"], [7, 8])
        for cell in ("B3", "B4"):
            sheet[cell].data_type = "e"

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["b"].sum() == 10
    assert "missing values: 2 in b" in found.notes


def test_hidden_rows_columns_and_sheets_are_told(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, *SALES)
        sheet.row_dimensions[3].hidden = True
        sheet.column_dimensions["C"].hidden = True

    def secret(sheet: Worksheet) -> None:
        add(sheet, *SALES)
        sheet.sheet_state = "veryHidden"

    found = analysis(tmp_path, workbook(fill, secret))
    assert found.frames[0]["Units"].sum() == 12
    assert "hidden in the sheet are in df too: 1, index [1]" in found.notes
    assert "Price" in found.notes
    assert "This sheet is hidden." in found.tables[1].notes


def test_formulas_without_results_are_calculated(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, ["item", "qty", "price", "total", "size", "day"])
        for row in range(2, 6):
            total, size = f"=ROUND(B{row}*C{row}*(1+Sheet2!$B$1),2)", f'=IF(B{row}>3,"big","small")'
            add(sheet, [f"p{row}", row, 1.5, total, size, f"=DATE(2024,{row},1)"])
            sheet.cell(row, 6).number_format = "yyyy-mm-dd"
        add(sheet, ["sum", "=SUM(B2:B5)", None, "=SUM(D2:D5)"])

    found = analysis(tmp_path, workbook(fill, [["tax", 0.2]]))
    frame = found.frames[0]
    assert frame["total"].tolist() == [3.6, 5.4, 7.2, 9.0]
    assert frame["size"].tolist() == ["small", "small", "big", "big"]
    assert frame["day"].dt.month.tolist() == [2, 3, 4, 5]
    assert "formulas were never calculated" in found.notes


@pytest.mark.parametrize("formula", ["=[1]Prices!A1*2", "=B2+D2", "=NOSUCHFUNCTION(A2)"])
def test_formulas_that_cannot_be_calculated_are_shown(tmp_path: Path, formula: str) -> None:
    rows: Rows = [["a", "b", "c"], [1, 2, formula], [3, 4, formula.replace("2", "3")]]
    rows = [[*row, "=C2"] if at == 1 and "D2" in formula else row for at, row in enumerate(rows)]
    found = analysis(tmp_path, workbook(rows))
    assert "never calculated" in found.notes
    assert formula in found.notes
    assert found.frame["b"].sum() == 6


def test_a_sheet_of_charts_has_no_cells(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(SALES)))
    book.create_chartsheet("Chart")
    out = io.BytesIO()
    book.save(out)
    found = analysis(tmp_path, out.getvalue())
    assert found.frame["Units"].sum() == 12
    assert "charts" in found.notes


def test_dates_of_which_some_are_text_have_a_header(tmp_path: Path) -> None:
    rows: Rows = [["who", "since"], ["Ann", "2024-01-05"], ["Bob", date(2024, 2, 6)], ["Cid", None]]
    assert analysis(tmp_path, workbook(rows)).frame["since"].dt.month.tolist()[:2] == [1, 2]


def test_pairs_of_names_and_values_have_no_header(tmp_path: Path) -> None:
    rows: Rows = [["Name", "Ann"], ["Age", 31], ["City", "Rome"], ["Since", date(2020, 1, 1)]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["column_1"].tolist() == ["Name", "Age", "City", "Since"]


def test_a_header_that_is_repeated_on_each_page(tmp_path: Path) -> None:
    found = analysis(tmp_path, workbook([*SALES, [], *SALES, *SALES]))
    assert found.frame["Units"].sum() == 36
    assert "repeated 2 times" in found.notes


def test_a_total_at_the_top_and_one_on_the_right_are_told(tmp_path: Path) -> None:
    rows: Rows = [["Region", "Q1", "Q2", "Total"], ["Total", 3, 5, 8], ["North", 1, 2, 3], ["South", 2, 3, 5]]
    found = analysis(tmp_path, workbook(rows))
    assert found.frame["Region"].tolist() == ["North", "South"]
    assert "The column Total is the sum of those before it." in found.notes


def test_groups_that_are_named_once_are_told(tmp_path: Path) -> None:
    rows: Rows = [
        ["Region", "Product", "Sales"],
        ["North", "apple", 1],
        [None, "pear", 2],
        ["South", "fig", 3],
        [None, "plum", 4],
    ]
    found = analysis(tmp_path, workbook(rows))
    assert 'df["Region"].ffill()' in found.notes


def test_rows_that_are_headings_are_told(tmp_path: Path) -> None:
    rows: Rows = [["Item", "2022", "2023"], ["Fruit", None, None], ["fig", 1, 2], ["Veg", None, None], ["leek", 3, 4]]
    found = analysis(tmp_path, workbook(rows))
    assert "headings of groups, not data (Fruit, Veg)" in found.notes
    assert found.frame.dropna(thresh=2)["2023"].sum() == 6


def test_names_cannot_break_out_of_the_load_line(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet.title = 'It\'s "{name}" ☃'
        add(sheet, ['a "q"', "{name}", "b\\n", "');x"], ["1", "007", "NA", "1,5 %"], ["4", "008", "y", "2 %"])

    frame = analysis(tmp_path, workbook(fill)).frame
    assert list(frame.columns) == ['a "q"', "{name}", "b\\n", "');x"]
    assert frame["{name}"].tolist() == ["007", "008"]


@pytest.mark.parametrize("cell", ["XFD1048576", "A1048576", "ZZ3"])
def test_a_cell_far_away_from_the_table(tmp_path: Path, cell: str) -> None:
    def fill(sheet: Worksheet) -> None:
        add(sheet, *SALES)
        sheet[cell] = "lost"

    found = analysis(tmp_path, workbook(fill))
    assert found.frame["Units"].tolist() == [3, 4, 5]
    assert list(found.frame.columns) == SALES[0]
    assert "far from the others" in found.notes or "lost" in found.notes


def test_a_wide_and_a_long_sheet(tmp_path: Path) -> None:
    wide: Rows = [[f"c{at}" for at in range(16_000)], list(range(16_000)), list(range(16_000))]
    long: Rows = [["n", "code"], *([at, f"{at:06}"] for at in range(20_000))]
    found = analysis(tmp_path, workbook(wide, long))
    assert found.frames[0].shape == (2, 16_000)
    assert found.frames[1]["code"].iloc[-1] == "019999"
