"""Parquet: schema and row counts from its footer, statistics from the first rows."""

import pyarrow as pa
import pyarrow.parquet as pq

from tools.files.columns import describe_columns, head_rows
from tools.files.profile import DAMAGE, MAX_COLUMNS, Fact, FileUnreadable, Profile, Table, plain
from tools.files.rows import rows_as_text
from tools.files.sections import Section
from tools.files.source import Source

ERRORS = (pa.ArrowException,)
MAX_ROWS = 50_000
MAX_CELLS = 1_000_000
BATCH = 2_000
_LOAD = "df = pd.read_parquet({name})"


def profile(source: Source) -> Profile:
    try:
        with pq.ParquetFile(source.path) as file:
            metadata, schema = file.metadata, file.schema_arrow
            table = _first_rows(file)
    except (*DAMAGE, *ERRORS) as error:
        raise FileUnreadable("It is a damaged Parquet file.") from error
    frame = table.to_pandas()
    sampled = len(frame) if len(frame) < metadata.num_rows else None
    facts: dict[str, Fact] = {
        "row_groups": metadata.num_row_groups,
        "created_by": plain(metadata.created_by or "", 100),
        "schema": [f"{plain(field.name)}: {plain(field.type)}" for field in list(schema)[:MAX_COLUMNS]],
    }
    found = Table(
        columns=describe_columns(frame),
        column_count=len(schema),
        rows=metadata.num_rows,
        sampled_rows=sampled,
        head=head_rows(frame),
        load=_LOAD,
    )
    notes = [f"Large: statistics rest on its first {len(frame):,} rows."] if sampled is not None else []
    return Profile(
        kind="parquet",
        title="Parquet table",
        bytes=source.size,
        load=_LOAD,
        facts=facts,
        tables=[found],
        notes=notes,
    )


def sections(source: Source) -> list[Section]:
    try:
        with pq.ParquetFile(source.path) as file:
            return rows_as_text(_first_rows(file).to_pandas())
    except (*DAMAGE, *ERRORS) as error:
        raise FileUnreadable("It is a damaged Parquet file.") from error


def _first_rows(file: pq.ParquetFile) -> pa.Table:
    names = list(dict.fromkeys(file.schema_arrow.names))[:MAX_COLUMNS]
    wanted = min(MAX_ROWS, MAX_CELLS // max(1, len(names)))
    batches: list[pa.RecordBatch] = []
    for batch in file.iter_batches(batch_size=BATCH, columns=names, use_threads=False):
        batches.append(batch)
        wanted -= batch.num_rows
        if wanted <= 0:
            break
    if not batches:
        return file.schema_arrow.empty_table().select(names)
    return pa.Table.from_batches(batches)
