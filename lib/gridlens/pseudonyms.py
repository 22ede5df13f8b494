"""Pseudonyms: surrogate ids as outsiders may see them, by HMAC-SHA-256 with a key from outside.

A plain hash of a meter number is no pseudonym: all numbers can be hashed in minutes and compared. With a key that stays
in the company they cannot (FIPS 198-1, RFC 2104). The same id has the same pseudonym in every export made with one key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence

import pyarrow as pa
from pydantic import SecretStr
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from gridlens.errors import SettingsError

_OWN = (
    *("party_id", "account_id", "metering_point_id", "meter_id", "bill_id", "payment_id", "event_id", "purchase_id"),
    *("interaction_id", "inspection_id", "survey_id", "receipt_id", "source_id", "object", "_locator"),
)
_KINDS = {
    **{name: name for name in _OWN},
    "reversal_of": "payment_id",
    "person_id": "party_id",
    **dict.fromkeys(("from_id", "to_id"), "node"),
}
"""Columns whose values name one customer, meter or document, and what their pseudonyms are of: equal ids of one kind stay equal. Ends of
edges and objects of events name things of many kinds, and locators of database rows hold their keys."""
ID_COLUMNS = tuple(_KINDS)
_HEX_DIGITS = 32


def pseudonym(value: str, kind: str, key: bytes) -> str:
    """128 bits of HMAC-SHA-256 over ``kind`` and ``value``, as 32 hexadecimal digits."""
    return hmac.digest(key, f"{kind}\x00{value}".encode(), "sha256").hex()[:_HEX_DIGITS]


def pseudonymise(df: DataFrame, key: SecretStr | None, columns: Sequence[str] = ID_COLUMNS) -> DataFrame:
    """``df`` with pseudonyms in those of ``columns`` that it has; null stays null. The key stands in no plan and no log.

    Raises:
        SettingsError: there is no key.
    """
    if key is None:
        raise SettingsError("pseudonyms need a key of at least 16 characters: set GRIDLENS_PSEUDONYM_KEY and keep it out of files")
    chosen = [name for name in df.columns if name in columns]
    if not chosen:
        return df
    secret = key.get_secret_value().encode()
    target = to_arrow_schema(df.schema, timezone="UTC")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            arrays = [
                _hidden(batch.column(i), _KINDS.get(field.name, field.name), secret)
                if field.name in chosen
                else batch.column(i).cast(field.type)
                for i, field in enumerate(target)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=target)

    return df.mapInArrow(run, df.schema)


def _hidden(column: pa.Array, kind: str, key: bytes) -> pa.Array:
    """The pseudonyms of a column; each distinct id is hashed once."""
    encoded = column.dictionary_encode()
    hidden = pa.array([None if value is None else pseudonym(value, kind, key) for value in encoded.dictionary.to_pylist()], pa.string())
    return hidden.take(encoded.indices)
