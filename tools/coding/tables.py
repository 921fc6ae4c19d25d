"""Finds the table, or the join of two, in a session's folder that has the columns named in a program."""

import asyncio
import re
from collections.abc import Collection, Mapping

from tools.files.joins import Linked, joins
from tools.files.reader import Brief, tables_of
from tools.kit import ToolKit
from workspace.errors import WorkspaceError
from workspace.names import inside

READERS = {
    "csv": "pd.read_csv({})",
    "tsv": 'pd.read_csv({}, sep="\\t")',
    "xlsx": "pd.read_excel({})",
    "json": "pd.read_json({})",
    "jsonl": "pd.read_json({}, lines=True)",
    "parquet": "pd.read_parquet({})",
}
"""The expression that reads a table, by file extension; the name is inserted as a literal."""
MAX_TABLES = 8
_QUOTED = re.compile(r"""["']([^"'\n]{1,100})["']""")
_ATTRIBUTE = re.compile(r"\.[ \t]?([A-Za-z_]\w{0,99})")

Tables = Mapping[str, Linked]


async def tables_at_hand(kit: ToolKit) -> dict[str, Linked]:
    """The newest files that are one table each, oldest first, by name."""
    if kit.reader is None:
        return {}
    names = [i.name for i in await kit.workspace.files() if i.name.rpartition(".")[2].lower() in READERS]
    briefs: dict[str, Brief] = {}
    for name in names[-MAX_TABLES:]:
        try:
            path = await asyncio.to_thread(inside, kit.workspace.folder, name)
        except WorkspaceError:  # a link that leads outside of the folder
            continue
        briefs[name] = await kit.reader.brief(path, name)
    return tables_of(briefs)


def columns_named(code: str, tables: Tables) -> set[str]:
    """The columns of any table that occur in `code` as a string or an attribute."""
    said = {*_QUOTED.findall(code), *_ATTRIBUTE.findall(code)}
    return said & {column for table in tables.values() for column in table.columns}


def read_for(columns: Collection[str], tables: Tables) -> str | None:
    """The expression that reads the only table with all these columns, or else the only join of two that has them."""
    if len(tables) == 1:
        return next(iter(tables.values())).read
    singles = [table.read for table in tables.values() if set(columns) <= set(table.columns)]
    if singles or not columns:
        return singles[0] if len(singles) == 1 else None
    joined = [join.read for join in joins(tables) if set(columns) <= set(join.columns)]
    return joined[0] if len(joined) == 1 else None


def all_of_one_form(tables: Tables) -> str | None:
    """The expression that concatenates all tables, if there are several and all have the same columns."""
    forms = {frozenset(table.columns) for table in tables.values()}
    if len(tables) < 2 or len(forms) > 1:
        return None
    return f"pd.concat([{', '.join(table.read for table in tables.values())}])"
