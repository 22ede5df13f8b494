"""Files whose lines are cut, doubled and overwritten with bytes that break readers, beside sound lines (hypothesis)."""

from __future__ import annotations

import re

import world
from hypothesis import strategies as st

NASTY = (
    *(b"NaN", b"Infinity", b"-inf", b"1e400", b"1d", b"0x1F", b"--1", b"1,5", b"-0", b"9" * 400, b"\\N", b"null", b"P1"),
    *(b'"', b'""', b'",', b",", b",,,,", b"\t", b" ", b"\r", b"\x00"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\xe2\x80\xae", b"\xf0\x9f\x92\xa1"),
    *(b"2026-02-30", b"9999-99-99", b"0001-01-01", b"2026-03-01 24:00", b"2026-03-01 25:61"),
)
SOUND = {
    "curves": [world.curve(f"P{p}", f"2026-03-0{d}", f"2026-03-0{d + 1} 06:00", p) for p in (1, 2) for d in (1, 2, 3)],
    "registers": [f"P1,M1,1.8.0,2026-03-0{d},scheduled,{100 + d}.125,2026-03-0{d + 1} 06:00" for d in range(1, 8)],
}
HEADERS = {"curves": world.CURVE_HEADER, "registers": world.REGISTER_HEADER}


@st.composite
def dirty_line(draw: st.DrawFn, sound: list[str]) -> bytes:
    """A sound line with up to three places overwritten, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    line = draw(st.sampled_from(sound)).encode()
    for _ in range(draw(st.integers(1, 3))):
        at, cut = draw(st.integers(0, len(line))), draw(st.integers(0, 12))
        line = line[:at] + draw(st.sampled_from(NASTY) | st.binary(max_size=4)) + line[at + cut :]
    return line


@st.composite
def dirty_file(draw: st.DrawFn, kind: str) -> bytes:
    """A file with header, every sound line twice (so that no stop rule is met) and as many dirty ones between."""
    sound = [line.encode() for line in SOUND[kind]] * 2
    dirty = draw(st.lists(dirty_line(SOUND[kind]), min_size=1, max_size=len(sound)))
    mixed = draw(st.permutations(sound + dirty))
    return b"\n".join([HEADERS[kind].encode(), *mixed])


def rows_in(content: bytes) -> int:
    """Lines that are not empty, after the header; a line ends at \\n, \\r or \\r\\n."""
    return sum(bool(line) for line in re.split(rb"\r\n|\n|\r", content)[1:])
