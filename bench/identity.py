"""How identity resolution compares with the hidden truth: ``python -m bench.identity --province DIR``, DIR the root_dir of a finished
``gridlens graph run``.

Prints, by how two parties resemble one another, how many pairs there are and how many were linked; then precision and recall over
pairs of parties. Parties that the truth does not name have no double, so every other link is wrong.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import pandas as pd
from gridlens.contracts.graph import IDENTITY_LINK
from gridlens.session import get_spark
from gridlens.settings import load_settings
from gridlens.warehouse import Warehouse


def compare(root: Path) -> tuple[pd.DataFrame, dict[str, float]]:
    """Pairs of truth/party by resemblance, with how many were linked; and precision, recall and the pairs they are made of."""
    settings = load_settings("local", overrides={"root_dir": str(root)})
    warehouse = Warehouse(get_spark(settings, name="gridlens-identity"), settings)
    links = warehouse.read(IDENTITY_LINK)
    newest = links.agg({"as_of": "max"}).first()
    assert newest is not None
    rows = links.where(links["as_of"] == newest[0]).select("party_id", "person_id").toPandas()
    person = dict(zip(rows["party_id"], rows["person_id"], strict=True))
    files = sorted((root / "sample" / "truth").glob("party-*.csv"))
    truth = pd.concat([pd.read_csv(file, dtype=str) for file in files], ignore_index=True)
    known = truth[truth["party_id"].isin(person) & truth["other_party_id"].isin(person)].copy()
    known["linked"] = known["party_id"].map(person) == known["other_party_id"].map(person)
    known["same"] = known["same"] == "1"
    owner = {**{party: party for party in person}, **dict(zip(known["party_id"], known["other_party_id"], strict=True))}
    owner |= {party: party for party in known.loc[~known["same"], "party_id"]}
    made, wanted = _pairs(person), _pairs(owner)
    figures = {"linked pairs": len(made), "same pairs": len(wanted), "right": len(made & wanted)}
    figures |= {"precision": round(len(made & wanted) / max(len(made), 1), 3), "recall": round(len(made & wanted) / max(len(wanted), 1), 3)}
    shown = known.groupby(["resembles", "same"]).agg(pairs=("linked", "size"), linked=("linked", "sum")).reset_index()
    return shown, figures


def _pairs(group_of: dict[str, str]) -> set[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for party, group in group_of.items():
        groups.setdefault(group, []).append(party)
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("--province", type=Path, required=True)
    table, figures = compare(parser.parse_args().province)
    print(table.to_string(index=False))
    print(pd.Series(figures).to_string())
