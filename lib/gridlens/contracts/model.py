"""Models: how good each version was, by part and group, and how far the world has moved since."""

from __future__ import annotations

from gridlens.tables import Field, Table

PARTS = ("train", "test", "unseen", "champion", "prior", "one_rule", "last_value")
SUBJECT_KINDS = ("score", "feature", "label")
_ONE_CLASS = "the rows are of one class"
_MODEL = Field("model_id", "string", "Model")
_VERSION = Field("model_version", "string", "Version in the registry, or of the run where nothing was registered")

MODEL_FIGURE = Table(
    "model_figure_v1",
    "gold",
    "How good a model's version is, on its training and its test rows, by group, beside the baselines and the champion on the same test rows.",
    (
        _MODEL,
        _VERSION,
        Field("part", "string", "What was judged: the version on its training rows, its test rows, or those of them whose customers are in no training row (unseen); or on the test rows the champion before it, the prior, the best single feature, the last value", allowed=PARTS),
        Field("group_column", "string", "Column whose group it is; all for all rows"),
        Field("group_value", "string", "The group; all for all rows"),
        Field("as_of", "date", "Newest moment of the rows"),
        Field("known_at", "timestamp", "Moment of knowledge of the training, UTC"),
        Field("run_id", "string", "Run that judged"),
        Field("feature", "string", "Feature that a baseline reads", null="no baseline, or the prior"),
        Field("rows", "bigint", "Rows judged"),
        Field("positives", "bigint", "Rows with label 1"),
        Field("observed_rate", "double", "Share of positives"),
        Field("mean_score", "double", "Mean of the scores: the predicted rate", null="a baseline, or the champion"),
        Field("roc_auc", "double", "Probability that a positive has a higher score than a negative, equal ones half", null=_ONE_CLASS),
        Field("roc_auc_low", "double", "Lower end of its 95 % interval (DeLong)", null="fewer than two rows of a class, a group, a baseline, or the champion"),
        Field("roc_auc_high", "double", "Upper end of its 95 % interval (DeLong)", null="fewer than two rows of a class, a group, a baseline, or the champion"),
        Field("pr_auc", "double", "Average precision", null=f"{_ONE_CLASS}, a group, or the champion"),
        Field("log_loss", "double", "Mean logarithmic loss, natural logarithm", null="a group, or a baseline that gives no probability"),
        Field("brier", "double", "Mean squared difference of score and label", null="a group, the champion, or a baseline that gives no probability"),
        Field("calibration_error", "double", "Mean absolute difference of predicted and observed rate over ten bins of equal size", null="a group, a baseline, or the champion"),
        Field("calibration_slope", "double", "Slope of the logistic regression of the label on the score's log odds: 1 where calibrated, lower where overconfident", null="no finite value, a group, a baseline, or the champion"),
        Field("ks", "double", "Kolmogorov–Smirnov: greatest difference of the classes' distributions", null=f"{_ONE_CLASS}, a group, a baseline, or the champion"),
        Field("capture_at_10", "double", "Share of the positives among the tenth with the highest scores", null="no positives, a group, or the champion"),
        Field("precision_at_capacity", "double", "Share of positives among the team's cases", null="a group, or the champion"),
        Field("recall_at_capacity", "double", "Share of the positives among the team's cases", null="no positives, a baseline, or the champion"),
        Field("selected", "double", "Share of the rows that is among the team's cases", null="a baseline, or the champion"),
        Field("ratio", "double", "Predicted over observed positives, drawn as by ten positives more towards 1, a group towards all rows", null="a baseline, or the champion"),
        Field("cost_per_row", "double", "Mean cost of acting where that pays by expectation, in the settings' currency", null="the model states no costs, a group, a baseline, or the champion"),
    ),
    ("model_id", "model_version", "part", "group_column", "group_value"),
    sort_by=("model_id", "model_version"),
    checks={"counts": "positives <= rows AND rows > 0"},
)  # fmt: skip

MODEL_DRIFT = Table(
    "model_drift_v1",
    "gold",
    "How far a version's scores and features have moved since its test (a scorecard's points and characteristics since its training rows), and what its AUC is where labels have arrived.",
    (
        _MODEL,
        _VERSION,
        Field("as_of", "date", "Moment of the run that looked"),
        Field("known_at", "timestamp", "Moment of knowledge of the run that looked, UTC"),
        Field("subject_kind", "string", "What is compared", allowed=SUBJECT_KINDS),
        Field("subject", "string", "Column, or characteristic of a scorecard; where scores are compared with labels, the as_of of these scores"),
        Field("rows", "bigint", "Rows looked at"),
        Field("rows_before", "bigint", "Rows of the version's test, of a scorecard its training rows", null="scores compared with labels"),
        Field("psi", "double", "Population stability index against these rows", null="scores compared with labels"),
        Field("psi_by_chance", "double", "What the index stays below without drift, 99 times of 100", null="scores compared with labels"),
        Field("missing_share", "double", "Share of rows without a value", null="scores compared with labels"),
        Field("missing_share_before", "double", "That share in the rows before", null="scores compared with labels"),
        Field("positives", "bigint", "Rows with label 1", null="no labels are looked at"),
        Field("mean_score", "double", "Mean of the scores", null="no labels are looked at"),
        Field("observed_rate", "double", "Share of positives", null="no labels are looked at"),
        Field("roc_auc", "double", "ROC-AUC of the scores", null="no labels are looked at, or they are of one class"),
        Field("roc_auc_low", "double", "Lower end of its 95 % interval", null="no labels are looked at, or fewer than two of a class"),
        Field("roc_auc_high", "double", "Upper end of its 95 % interval", null="no labels are looked at, or fewer than two of a class"),
        Field("warning", "boolean", "Beyond its limit and beyond chance"),
        Field("retrain", "boolean", "Model as a whole is to be trained again, by what was seen in this run"),
        Field("run_id", "string", "Run that looked"),
    ),
    ("model_id", "model_version", "as_of", "known_at", "subject_kind", "subject"),
    sort_by=("model_id", "as_of"),
)  # fmt: skip
