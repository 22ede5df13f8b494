"""Segments of accounts: who belongs to which, what each segment is like, how they were made; large and small customers."""

from __future__ import annotations

from gridlens.contracts.account_feature import AS_OF, KNOWN_AT
from gridlens.contracts.entities import ACCOUNT
from gridlens.tables import Field, Table

ALGORITHMS = ("kmeans", "bisecting_kmeans", "gaussian_mixture")
CONTINUITY = ("new", "kept", "matched")
PARTS = ("value", "growth", "stability", "credit", "potential")
NAMES_OF_PARTS = {
    "value": ("价值", "value"),
    "growth": ("成长", "growth"),
    "stability": ("稳定", "stability"),
    "credit": ("信用", "credit"),
    "potential": ("潜力", "potential"),
}
LEFT_OUT = "left out of the segmentation"
_SEGMENTATION = Field("segmentation", "string", "Id of the segmentation's definition (conf/segments)")
_SEGMENT = "Segment, such as load_shape-03; the same id means the same kind of customer in every month and is never used again"

SEGMENT = Table(
    "segment_v1",
    "gold",
    "The segment of every account at a moment, and of the accounts left out the reason.",
    (
        ACCOUNT,
        _SEGMENTATION,
        AS_OF,
        KNOWN_AT,
        Field("segment_id", "string", _SEGMENT, null=LEFT_OUT),
        Field(
            "left_out",
            "string",
            "Why the account has no segment: population, or missing: and the feature that is not known",
            null="has a segment",
        ),
        Field("distance", "double", "Euclidean distance to the segment's centre in the prepared space", null=LEFT_OUT),
        Field("runner_up", "string", "Second segment in line", null=LEFT_OUT),
        Field(
            "confidence",
            "double",
            "How clearly the account belongs: 1 - distance / distance to the runner-up (simplified silhouette); of a Gaussian mixture the posterior probability",
            null=LEFT_OUT,
        ),
    ),
    ("account_id", "segmentation", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("segmentation", "account_id"),
    checks={"one_of_both": "(segment_id IS NULL) <> (left_out IS NULL)"},
)

SEGMENT_PROFILE = Table(
    "segment_profile_v1",
    "gold",
    "What each segment is like at a moment: name, size, what sets it apart, typical customer; and its part of the model.",
    (
        _SEGMENTATION,
        Field("segment_id", "string", _SEGMENT),
        AS_OF,
        KNOWN_AT,
        Field("name_zh", "string", "Name in Chinese, from what sets the segment apart; unique within the segmentation"),
        Field("name_en", "string", "Name in English, from what sets the segment apart; unique within the segmentation"),
        Field("accounts", "bigint", "Accounts in the segment"),
        Field("share", "double", "Part of the segmentation's accounts"),
        Field("share_fitted", "double", "Part that it had when the model was fitted: drift is measured against it"),
        Field("separation", "double", "Mean confidence of its accounts", null="no account in it now"),
        Field("typical_account", "string", "Account nearest to the centre", null="no account in it now"),
        Field("since", "date", "First as_of of the segment's id"),
        Field(
            "continuity",
            "string",
            "new: first seen; kept: the model is the one of the moment before; matched: fitted anew and recognised by its accounts",
            allowed=CONTINUITY,
        ),
        Field(
            "matched_share",
            "double",
            "Part of the earlier segment's accounts, of those known at both moments, that are in it now",
            null="not matched",
        ),
        Field(
            "differences",
            "array<struct<feature:string,segment:double,others:double,difference:double>>",
            "What sets it apart, greatest first: mean of the segment, mean of all others, difference in standard deviations of all accounts",
        ),
        Field(
            "mean",
            "array<double>",
            "Mean of each feature in its own unit, in the order of segmentation_v1.features",
            null="no account in it now",
        ),
        Field("centre", "array<double>", "Centre in the prepared space"),
        Field("covariance", "array<double>", "Covariance in the prepared space, row by row", null="not of a Gaussian mixture"),
        Field("weight", "double", "Weight in the mixture", null="not of a Gaussian mixture"),
    ),
    ("segmentation", "segment_id", "as_of", "known_at"),
    sort_by=("segmentation", "segment_id"),
)

SEGMENTATION = Table(
    "segmentation_v1",
    "gold",
    "How each segmentation was made at a moment: algorithm, number of segments and why, preparation of the features, agreement over time.",
    (
        _SEGMENTATION,
        AS_OF,
        KNOWN_AT,
        Field("name_zh", "string", "Name in Chinese"),
        Field("name_en", "string", "Name in English"),
        Field("definition", "string", "Fingerprint of the definition: first 16 hex digits"),
        Field("fitted_as_of", "date", "as_of of the features that the model was fitted on"),
        Field("why_fitted", "string", "Why the model was fitted at this moment", null="the earlier model was kept"),
        Field("algorithm", "string", "Algorithm of the model", allowed=ALGORITHMS),
        Field("k", "int", "Number of segments"),
        Field("silhouette", "double", "Mean silhouette on a sample of the accounts, squared Euclidean distance"),
        Field("silhouette_fitted", "double", "The same when the model was fitted"),
        Field("stability", "double", "Adjusted Rand index of models fitted on two halves of the training accounts"),
        Field("psi", "double", "Population stability index of the segments' sizes against those when the model was fitted; 0 when fitted"),
        Field("agreement", "double", "Adjusted Rand index with the segments of the moment before, accounts in both", null="first moment"),
        Field("accounts", "bigint", "Accounts looked at: clustered and left out"),
        Field("clustered", "bigint", "Accounts that have a segment"),
        Field("left_out", "string", "JSON object: accounts left out by reason"),
        Field("candidates", "string", "JSON array of the models compared: algorithm, k, silhouette, stability where it was measured"),
        Field("features", "array<string>", "Components of the feature vector, in order"),
        Field("low", "array<double>", "Lower limit of each component: what is lower counts as this"),
        Field("high", "array<double>", "Upper limit of each component: what is higher counts as this"),
        Field("fill", "array<double>", "Value of each component where it is not known"),
        Field("middle", "array<double>", "Subtracted from each transformed component"),
        Field("factor", "array<double>", "Each transformed component is multiplied by this: weight over spread; 0 where constant"),
        Field("projection", "array<double>", "Principal components, row by row: features times components"),
    ),
    ("segmentation", "as_of", "known_at"),
)

LARGE_CUSTOMER = Table(
    "large_customer_v1",
    "gold",
    "High-quality large customers (优质大客户): every large customer scored and ranked, with the reason.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("rank", "int", "1 is the best score; equal scores in the order of the account's id"),
        Field("score", "double", "Weighted mean of the five parts, 0 to 100"),
        *(
            Field(f"{part}_score", "double", f"{zh}: percentile among the large customers, 0 to 100; 50 where nothing is known")
            for part, (zh, _) in NAMES_OF_PARTS.items()
        ),
        Field("high_quality", "boolean", "True where the definition's condition on the scores holds"),
        Field("reason_zh", "string", "The two strongest parts and the weakest, in Chinese"),
        Field("reason_en", "string", "The two strongest parts and the weakest, in English"),
        Field("definition", "string", "Fingerprint of the definition: first 16 hex digits"),
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("rank",),
)

SMALL_CUSTOMER = Table(
    "small_customer_v1",
    "gold",
    "Small and micro customers (小微客户细分) by industry, stage, rhythm and need.",
    (
        ACCOUNT,
        AS_OF,
        KNOWN_AT,
        Field("industry", "string", "Group of industries"),
        Field("stage", "string", "Stage of the business"),
        Field("rhythm", "string", "When it uses electricity"),
        Field("need", "string", "Most pressing need"),
        Field("needs", "array<string>", "All needs that hold, most pressing first"),
        Field("label_zh", "string", "The four in Chinese"),
        Field("label_en", "string", "The four in English"),
        Field("definition", "string", "Fingerprint of the definition: first 16 hex digits"),
    ),
    ("account_id", "as_of", "known_at"),
    partition_by=("as_of",),
    sort_by=("account_id",),
)
