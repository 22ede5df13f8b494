"""What a model card says in round figures: tiles, lines of the table, the weight of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from gridlens.models.definition import ModelDefinition
from gridlens.models.figures import Baseline, Comparison, Figures

DASH = "—"
SECTIONS = {
    "purpose": ("用途与边界", "Purpose and limits"),
    "gate": ("准入结论", "Decision of the gate"),
    "figures": ("效果指标", "Figures, out of time"),
    "curves": ("校准与提升", "Calibration and lift"),
    "groups": ("分组表现", "Groups"),
    "fit": ("训练过程", "How it was fitted"),
    "data": ("数据", "Data"),
    "drift": ("漂移监测", "Drift"),
}
"""Sections of the card, in order."""
OUT_OF_HALF = ("效果指标", "Figures, on rows not learnt from")
"""Heading of the figures where the rows are of the same time as those learnt from."""
_BASELINES = {
    "prior": ("先验概率", "prior"),
    "one_rule": ("最佳单一特征", "best single feature"),
    "last_value": ("上期取值", "last value"),
    "residual": ("主成分残差", "residual of principal components"),
}


class Tile(NamedTuple):
    """One figure with a note below it."""

    zh: str
    en: str
    value: str
    note: str


class Line(NamedTuple):
    """One line of the table of figures; ``kind`` is model, champion or baseline."""

    zh: str
    en: str
    kind: str
    roc_auc: float | None
    low: float | None
    high: float | None
    pr_auc: float | None
    log_loss: float | None
    brier: float | None
    capture_at_10: float | None
    precision_at_capacity: float | None


class Weight(NamedTuple):
    """A feature's share in what was learned; ``part`` is relative to the largest."""

    name: str
    zh: str
    en: str
    share: float
    part: float
    monotone: str
    actionable: bool


def number(value: Any, digits: int = 0) -> str:
    """Thousands apart; a dash for None."""
    return DASH if value is None else f"{float(value):,.{digits}f}"


def decimal(value: Any, digits: int = 4) -> str:
    """So many decimals; a dash for None."""
    return DASH if value is None else f"{float(value):.{digits}f}"


def percent(share: Any, digits: int = 1) -> str:
    """A share in percent; a dash for None."""
    return DASH if share is None else f"{100 * float(share):,.{digits}f} %"


def tiles(figures: Figures, baselines: Sequence[Baseline], currency: str) -> tuple[Tile, ...]:
    """The figures that come first."""
    best = max((b for b in baselines if b.roc_auc is not None), key=lambda b: b.roc_auc or 0, default=None)
    gain = None if best is None or figures.roc_auc is None else figures.roc_auc - (best.roc_auc or 0)
    five = next((t for t in figures.top if t.share == 0.05), None)
    ten = next((t for t in figures.top if t.share == 0.1), None)
    cap = figures.capacity
    found = [
        Tile("排序能力", "ROC-AUC", decimal(figures.roc_auc), f"95 %：{decimal(figures.roc_auc_low)} – {decimal(figures.roc_auc_high)}"),
        Tile(
            "较基线提升",
            "gain over baseline",
            DASH if gain is None else f"{gain:+.4f}".replace("-", "−"),
            f"{_BASELINES[best.name][0]} {decimal(best.roc_auc)}" if best else "无基线 none",
        ),
        Tile("精确率面积", "PR-AUC", decimal(figures.pr_auc), f"正样本率 rate {percent(figures.rate, 2)}"),
        Tile("校准误差", "calibration error", decimal(figures.calibration_error), f"斜率 slope {decimal(figures.calibration_slope, 2)}"),
        Tile(
            "前 5 % 提升度",
            "lift at 5 %",
            f"{number(five.lift, 1)} ×" if five and five.lift is not None else DASH,
            "相对随机 against chance",
        ),
        Tile("前 10 % 捕获率", "capture at 10 %", percent(ten.capture if ten else None), f"KS {decimal(figures.ks, 3)}"),
        Tile("产能内精确率", "precision at capacity", percent(cap.precision), f"{cap.cases:,} 户中约 {number(cap.hits, 1)} 户命中 hits"),
    ]
    if figures.cost is not None:
        saved = figures.cost.of_none - figures.cost.at_expected
        note = f"不行动 without acting {number(figures.cost.of_none, 2)}，省 saves {number(saved, 2)}"
        found.append(Tile("每户成本", "cost a case", f"{number(figures.cost.at_expected, 2)} {currency}".strip(), note))
    else:
        found.append(Tile("对数损失", "log loss", decimal(figures.log_loss), f"Brier {decimal(figures.brier)}"))
    return tuple(found)


def lines(
    test: Figures,
    unseen: Figures | None,
    train: Figures | None,
    baselines: Sequence[Baseline],
    against: Comparison | None,
    champion: str | None,
) -> tuple[Line, ...]:
    """The version on its test rows, those of them of unseen customers, and its training rows; the champion, the baselines."""
    found = [_line("本版本，测试", "this version, test", test)]
    if unseen is not None:
        found.append(_line("本版本，测试中未见客户", "this version, customers it never saw", unseen))
    if train is not None:
        found.append(_line("本版本，训练", "this version, training", train))
    if against is not None:
        name = f" {champion}" if champion else ""
        known = (against.other_roc_auc, None, None, None, against.other_log_loss, None, None, None)
        found.append(Line(f"现任冠军{name}", f"champion{name}", "champion", *known))
    for b in baselines:
        zh, en = _BASELINES[b.name]
        reads = f": {b.feature}" if b.feature else ""
        figures = (b.roc_auc, None, None, b.pr_auc, b.log_loss, b.brier, b.capture_at_10, b.precision_at_capacity)
        found.append(Line(zh, f"{en}{reads}", "baseline", *figures))
    return tuple(found)


def _line(zh: str, en: str, f: Figures) -> Line:
    capture = next((t.capture for t in f.top if t.share == 0.1), None)
    return Line(zh, en, "model", f.roc_auc, f.roc_auc_low, f.roc_auc_high, f.pr_auc, f.log_loss, f.brier, capture, f.capacity.precision)


def importances(shares: Sequence[tuple[str, float]], definition: ModelDefinition) -> tuple[Weight, ...]:
    """The features by their share, with their names and how the score may depend on them."""
    known = {f.name: f for f in definition.features}
    largest = max((share for _, share in shares), default=0) or 1
    found = []
    for name, share in shares:
        feature = known.get(name)
        zh, en = (feature.zh or name, feature.en or name) if feature else (name, name)
        arrow = {"increasing": "↑", "decreasing": "↓"}.get(feature.monotone or "", "") if feature else ""
        found.append(Weight(name, zh, en, share, share / largest, arrow, bool(feature and feature.actionable)))
    return tuple(found)
