"""Quality and speed of document search: the Cranfield collection with the service's own index.

`python -m benchmarks.retrieval --collection DIR [--data DIR] [--tune]` prints the tables in `docs/benchmarks.md`. The
collection consists of `cran.all.1400.xml`, `cran.qry.xml` and `cranqrel.trec.txt`. With `--data` the index is kept
there and reused. Relevance is binary (a judgment above 0); queries are numbered from 1 in the order of their file.
"""

import argparse
import asyncio
import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from api.settings import Settings
from llm.factory import open_embeddings, open_reranker
from llm.vectors.base import VectorModel
from tools.files.registry import sections
from workspace.retrieval.index import FolderIndex
from workspace.retrieval.indexes import Indexes, Places
from workspace.retrieval.ranking import Ranking
from workspace.retrieval.searcher import Searcher
from workspace.retrieval.types import ExtractedText, Report, Vectors

K = 10
USER = "cranfield"
Run = list[str]
"""Documents, best first."""


@dataclass(frozen=True)
class Collection:
    documents: Mapping[str, tuple[str, str]]
    """Number → title and text."""
    queries: Sequence[str]
    relevant: Mapping[int, frozenset[str]]
    """Query number, from 1 → document numbers."""

    def ndcg(self, runs: Mapping[int, Run]) -> float:
        """nDCG@10, the mean over the queries of `runs`."""
        return statistics.mean(_ndcg(run, self.relevant[query]) for query, run in runs.items())

    def recall(self, runs: Mapping[int, Run]) -> float:
        """Recall@10, the mean over the queries of `runs`."""
        return statistics.mean(
            len(set(run[:K]) & self.relevant[query]) / len(self.relevant[query]) for query, run in runs.items()
        )


def _ndcg(run: Run, relevant: frozenset[str]) -> float:
    gain = sum(1 / np.log2(at + 2) for at, document in enumerate(run[:K]) if document in relevant)
    return float(gain / sum(1 / np.log2(at + 2) for at in range(min(K, len(relevant)))))


def read(folder: Path) -> Collection:
    documents = {}
    for body in re.findall(r"<doc>(.*?)</doc>", (folder / "cran.all.1400.xml").read_text(), re.DOTALL):
        number, title, text = (_field(body, name) for name in ("docno", "title", "text"))
        documents[number] = (title, text)
    queries = re.findall(r"<title>(.*?)</title>", (folder / "cran.qry.xml").read_text(), re.DOTALL)
    relevant: dict[int, set[str]] = {}
    for line in (folder / "cranqrel.trec.txt").read_text().splitlines():
        query, _, document, judgement = line.split()
        if int(judgement) > 0:
            relevant.setdefault(int(query), set()).add(document)
    return Collection(documents, [q.strip() for q in queries], {q: frozenset(found) for q, found in relevant.items()})


def _field(body: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)</{name}>", body, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def write(collection: Collection, folder: Path) -> None:
    """Each abstract as a Markdown file with its title as heading."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (title, text) in collection.documents.items():
        path = folder / f"{number}.md"
        if not path.exists():
            path.write_text(f"# {title}\n\n{text}\n")


async def extract(path: Path, _report: Report) -> ExtractedText:
    return ExtractedText(await asyncio.to_thread(sections, path))


def document(name: str) -> str:
    return name.removesuffix(".md")


def by_score(searcher: Searcher, scores: Sequence[float]) -> Run:
    """Documents ranked by their best passage."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    return list(dict.fromkeys(document(searcher.names[at]) for at in order[:200]))


def fused(searcher: Searcher, query: str, vector: Vectors, ranking: Ranking) -> Run:
    return list(
        dict.fromkeys(document(searcher.names[at]) for at, _ in searcher.ranked(query, vector, ranking=ranking))
    )


async def index_all(indexes: Indexes, embedder: VectorModel, say: Callable[[str], None]) -> FolderIndex:
    await embedder.identity()  # loaded before the measurement starts
    index = indexes.index((USER, None))
    fresh, began, cpu = not index.documents, time.perf_counter(), time.process_time()
    await index.sync(extract)
    seconds, passages = time.perf_counter() - began, sum(record.passages for record in index.records.values())
    what = f"{len(index.documents)} documents, {passages} passages in {seconds:.1f} s"
    say(f"sync: {what} ({passages / seconds:.1f} passages/s, {time.process_time() - cpu:.1f} s of processor time)")
    assert fresh
    return index


async def measure(data: Path, collection: Collection, *, tune: bool, say: Callable[[str], None]) -> None:
    settings = Settings(data_dir=data)
    write(collection, settings.user_dir(USER) / "files")
    embedder, reranker = open_embeddings(settings.models), open_reranker(settings.models)
    places = Places(user=settings.user_dir, session=lambda name: data / "sessions" / name, scratch=data)
    indexes = Indexes(
        places,
        embedder,
        settings.retrieval,
        reranker,
        readers=settings.workers.workers,
        max_file_bytes=settings.uploads.max_file_bytes,
    )
    index = await index_all(indexes, embedder, say)
    folder = settings.user_dir(USER) / "index"
    size = sum(path.stat().st_size for path in folder.iterdir())
    passages = sum(record.passages for record in index.records.values())
    say(f"index: {size / passages:.0f} bytes per passage on disk, including text")
    dimension = (await embedder.identity()).dimension
    searcher = await asyncio.to_thread(Searcher, list(index.documents.values()), dimension)
    asked = {number: collection.queries[number - 1] for number in collection.relevant}
    vectors = {number: await embedder.question(query) for number, query in asked.items()}

    say("\n| ranking | nDCG@10 | recall@10 |\n|---|---|---|")
    runs: dict[str, dict[int, Run]] = {
        "BM25 alone": {n: by_score(searcher, searcher.words(q).tolist()) for n, q in asked.items()},
        "vectors alone": {n: by_score(searcher, searcher.cosines(v).tolist()) for n, v in vectors.items()},
        "fused, without feedback": {n: fused(searcher, q, vectors[n], Ranking(feedback=0)) for n, q in asked.items()},
        "fused": {n: fused(searcher, q, vectors[n], Ranking()) for n, q in asked.items()},
    }
    seconds: list[float] = []
    served: dict[int, Run] = {}
    for number, query in asked.items():
        began = time.perf_counter()
        hits = await indexes.search([(USER, None)], query, 2 * K)
        seconds.append(time.perf_counter() - began)
        served[number] = list(dict.fromkeys(document(hit.file) for hit in hits))
    runs["as served" + (", re-ranked" if reranker else "")] = served
    for name, run in runs.items():
        say(f"| {name} | {collection.ndcg(run):.4f} | {collection.recall(run):.4f} |")
    ordered = sorted(seconds)
    p50, p95 = statistics.median(ordered) * 1000, ordered[round(len(ordered) * 0.95) - 1] * 1000
    say(f"\none search, including the question's vector: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
    if tune:
        cross_validate(collection, lambda n, ranking: fused(searcher, asked[n], vectors[n], ranking), say)
    await embedder.aclose()


def cross_validate(collection: Collection, run: Callable[[int, Ranking], Run], say: Callable[[str], None]) -> None:
    """Choose on one half of the queries, measure on the other; also report each choice's mean over all queries."""
    grid = [
        Ranking(depth=depth, keywords=keywords, feedback=feedback, feedback_weight=weight)
        for depth, keywords, feedback, weight in itertools.product(
            (50, 100, 200), (0.4, 0.5, 0.6), (1, 2, 3, 5), (0.4, 0.6, 0.8, 1.0)
        )
    ]
    found = {ranking: {n: run(n, ranking) for n in collection.relevant} for ranking in grid}

    def score(ranking: Ranking, half: int | None) -> float:
        return collection.ndcg({n: r for n, r in found[ranking].items() if half is None or n % 2 == half})

    say("\n| chosen on | setting | on that half | on the other half |\n|---|---|---|---|")
    for half, name in ((0, "even queries"), (1, "odd queries")):
        best = max(grid, key=lambda ranking, half=half: score(ranking, half))  # type: ignore[misc]
        say(f"| {name} | {best} | {score(best, half):.4f} | {score(best, 1 - half):.4f} |")
    say("\n| setting | all | even | odd |\n|---|---|---|---|")
    for ranking in sorted(grid, key=lambda ranking: -score(ranking, None)):
        say(f"| {ranking} | {score(ranking, None):.4f} | {score(ranking, 0):.4f} | {score(ranking, 1):.4f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--collection", type=Path, required=True, help="the folder with the Cranfield collection")
    parser.add_argument("--data", type=Path, help="keep the index here")
    parser.add_argument("--tune", action="store_true", help="cross-validate the ranking's parameters")
    arguments = parser.parse_args()
    if not arguments.collection.is_dir():
        parser.error(f"there is no Cranfield collection in {arguments.collection}")
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(
            measure(arguments.data or Path(scratch), read(arguments.collection), tune=arguments.tune, say=print)
        )
