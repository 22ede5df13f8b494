"""Text files to rows through Arrow: line numbers, headers, decoding, CSV columns and packed readings, in one kernel.

Locators: ``file:LINE`` is the 1-based line of the file, header included. Where a big file is read in parts, a later
part's lines are ``file@OFFSET+N``: the N-th line that begins after the first line feed at or after byte OFFSET - 1
(OFFSET itself belongs to the part before where no line begins there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridlens.ingest.csvtext import CsvFormat, Parsed, decode_lines, parse_csv
from gridlens.ingest.shapes import Lineage, Shape, shaped_batches

_BOM = b"\xef\xbb\xbf"
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class FileFacts:
    """What the kernel knows of a file beforehand: name for locators, fingerprint, modification time, columns (CSV)."""

    relative: str
    fingerprint: str
    modified_us: int
    layout: int


@dataclass(frozen=True)
class LinePlan:
    """Everything the kernel needs, picklable.

    Attributes:
        form: how lines are written.
        header: whether the first line of a file is none of its rows.
        shape: what rows are made of lines.
        keep: text columns wanted.
        packed: number columns wanted, the same for every file; empty for a matrix, whose members follow from the layout.
        named: columns that are no members of a matrix.
        layouts: the distinct column lists of the files; empty for JSON lines.
        files: by ``_metadata.file_path``.
    """

    form: CsvFormat
    header: bool
    shape: Shape
    keep: tuple[str, ...]
    packed: tuple[str, ...]
    named: frozenset[str]
    layouts: tuple[tuple[str, ...], ...]
    files: dict[str, FileFacts]


@dataclass
class _Counter:
    """Where the previous batch stopped: a run of lines may go on in the next."""

    path: str | None = None
    block: int = -1
    lines: int = 0


@dataclass
class _Piece:
    """Rows of consecutive lines whose files have the same columns."""

    layout: int
    lines: list[pa.Array] = field(default_factory=list)
    locators: list[pa.Array] = field(default_factory=list)
    facts: list[tuple[FileFacts, int]] = field(default_factory=list)


def parse_batches(batches: Iterator[pa.RecordBatch], plan: LinePlan, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches of (line, _path, _block) as batches of ``schema``; every non-empty line that is no header makes its rows once."""
    counter = _Counter()
    for batch in batches:
        for piece in _pieces(batch, plan, counter):
            yield from _piece_rows(piece, plan, schema)


def _pieces(batch: pa.RecordBatch, plan: LinePlan, counter: _Counter) -> list[_Piece]:
    pieces: list[_Piece] = []
    lines, paths, blocks = batch.column("line"), batch.column("_path"), batch.column("_block")
    for begin, end in _runs(paths, blocks):
        path, block = paths[begin].as_py(), blocks[begin].as_py()
        if (path, block) != (counter.path, counter.block):
            counter.path, counter.block, counter.lines = path, block, 0
        facts = plan.files[path]
        run, numbers = lines.slice(begin, end - begin), np.arange(counter.lines + 1, counter.lines + 1 + end - begin)
        at_top = block == 0 and counter.lines == 0
        counter.lines += end - begin
        if at_top and plan.header:
            run, numbers = run.slice(1), numbers[1:]
        elif at_top and run[0].as_py().startswith(_BOM):
            run = pa.concat_arrays([pa.array([run[0].as_py().removeprefix(_BOM)], run.type), run.slice(1)])
        filled = pc.greater(pc.binary_length(run), 0)
        if not pc.all(filled).as_py():
            run, numbers = run.filter(filled), numbers[filled.to_numpy(zero_copy_only=False)]
        if not len(run):
            continue
        if not pieces or pieces[-1].layout != facts.layout:
            pieces.append(_Piece(facts.layout))
        prefix = f"{facts.relative}:" if block == 0 else f"{facts.relative}@{block}+"
        pieces[-1].lines.append(run)
        pieces[-1].locators.append(pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), ""))
        pieces[-1].facts.append((facts, len(run)))
    return pieces


def _runs(paths: pa.Array, blocks: pa.Array) -> list[tuple[int, int]]:
    """Begin and end of each stretch of lines of one file and block."""
    if not len(paths):
        return []
    path_ends = pc.run_end_encode(paths).run_ends.to_numpy(zero_copy_only=False)
    block_ends = np.flatnonzero(np.diff(blocks.to_numpy(zero_copy_only=False))) + 1
    ends = np.union1d(path_ends, block_ends)
    return list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))


def _piece_rows(piece: _Piece, plan: LinePlan, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    lines = piece.lines[0] if len(piece.lines) == 1 else pa.concat_arrays(piece.lines)
    locators = piece.locators[0] if len(piece.locators) == 1 else pa.concat_arrays(piece.locators)
    counts = np.array([count for _, count in piece.facts])
    ids = _repeated([facts.fingerprint for facts, _ in piece.facts], counts)
    modified = pa.array(np.repeat(np.array([facts.modified_us for facts, _ in piece.facts], dtype=np.int64), counts))
    columns = plan.layouts[piece.layout] if plan.layouts else ()
    members = [c for c in columns if c not in plan.named] if plan.shape is Shape.MELT else list(plan.packed)
    # A melted line makes as many rows as it has members: few lines at a time keep the batches small.
    step = max(1, _CELLS_AT_ONCE // max(1, len(members))) if plan.shape is Shape.MELT else len(lines)
    for begin in range(0, len(lines), step):
        text, problems = decode_lines(lines.slice(begin, step), plan.form.encoding)
        lineage = Lineage(locators.slice(begin, step), ids.slice(begin, step), modified.slice(begin, step), text)
        yield from shaped_batches(plan.shape, _parsed(text, columns, members, plan, problems), plan.keep, members, lineage, schema)


def _parsed(text: pa.Array, columns: Sequence[str], members: Sequence[str], plan: LinePlan, problems: dict[int, str]) -> Parsed:
    if plan.shape is Shape.LINES:
        return Parsed([text], np.empty((len(text), 0)), None, problems)
    place = {name: i for i, name in enumerate(columns)}
    return parse_csv(text, len(columns), plan.form, [place[c] for c in plan.keep], [place[c] for c in members], problems)


def _repeated(values: Sequence[str], counts: np.ndarray) -> pa.Array:
    return pa.array(list(values)).take(pa.array(np.repeat(np.arange(len(values)), counts)))
