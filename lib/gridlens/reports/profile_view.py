"""What a profile says at a glance, in words and round figures: for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from gridlens.profile.picture import Profile
from gridlens.reports.profile_words import CATEGORIES, CHANNELS, pair

_SIGNS = {"CNY": "¥", "EUR": "€", "USD": "$", "GBP": "£", "AUD": "A$"}
_MEGA = 100_000.0
DASH = "—"


class Figure(NamedTuple):
    """One figure with a note below it; ``tone`` is ``warn`` where it needs attention."""

    zh: str
    en: str
    value: str
    note_zh: str
    note_en: str
    tone: str = ""


class Sentence(NamedTuple):
    """One sentence in both languages."""

    zh: str
    en: str


def number(value: Any, digits: int = 0) -> str:
    """Thousands apart; a dash for null."""
    return DASH if value is None else f"{float(value):,.{digits}f}"


def energy(kwh: Any) -> str:
    """kWh, from 100,000 on MWh."""
    if kwh is None:
        return DASH
    value = float(kwh)
    return f"{value / 1000:,.0f} MWh" if abs(value) >= _MEGA else f"{value:,.0f} kWh" if abs(value) >= 100 else f"{value:,.1f} kWh"


def money(amount: Any, currency: str) -> str:
    """With the currency's sign; cents where they matter."""
    if amount is None:
        return DASH
    value = Decimal(str(amount))
    text = f"{abs(value):,.0f}" if abs(value) >= 10_000 or value == value.to_integral_value() else f"{abs(value):,.2f}"
    return f"{'−' if value < 0 else ''}{_SIGNS.get(currency, currency + ' ')}{text}"


def percent(share: Any, *, signed: bool = False) -> str:
    """A share as whole percent."""
    if share is None:
        return DASH
    text = f"{float(share) * 100:+,.0f} %" if signed else f"{float(share) * 100:,.0f} %"
    return text.replace("-", "−")


def sector(profile: Profile) -> Sentence | None:
    """The industry as the tag ``industry_sector`` names it, else its code; None of a household."""
    code = profile.base["industry_code"]
    if code is None:
        return None
    for group in profile.tags.groups if profile.tags else ():
        for tag in group.tags:
            if tag.id == "industry_sector" and tag.value_zh:
                return Sentence(tag.value_zh, tag.value_en or tag.value_zh)
    return Sentence(f"行业 {code}", f"industry {code}")


def headline(profile: Profile) -> Sentence:
    """Who this is, in one sentence."""
    base, f = profile.base, profile.figures
    category, industry = pair(CATEGORIES, base["category"]), sector(profile)
    closed = base["closed_on"] if base["closed_on"] and base["closed_on"] <= profile.as_of else None
    zh = [f"{category[0]}客户{f'（{industry.zh}）' if industry else ''}", f"供电区 {base['area_id']}", f"{base['opened_on']} 立户"]
    en = [f"{category[1]} customer{f' ({industry.en})' if industry else ''} in area {base['area_id']}, since {base['opened_on']}"]
    if closed:
        zh.append(f"{closed} 已销户")
        en.append(f"closed on {closed}")
    if f.get("energy_kwh_365d") is not None:
        zh.append(f"近一年用电 {energy(f['energy_kwh_365d'])}{_above(f, '，高于 {} 的同类')}")
        en.append(f"used {energy(f['energy_kwh_365d'])} in the year{_above(f, ', more than {} of its peers')}")
    if f.get("has_pv"):
        zh.append("自有光伏")
        en.append("own PV")
    if f.get("arrears_amount"):
        zh.append(f"欠费 {money(f['arrears_amount'], profile.currency)}")
        en.append(f"{money(f['arrears_amount'], profile.currency)} in arrears")
    if profile.segments:
        zh.append(f"客群 {'、'.join(s.zh for s in profile.segments)}")
        en.append(f"segment {', '.join(s.en for s in profile.segments)}")
    return Sentence(" · ".join(zh), "; ".join(en).capitalize()[:1] + "; ".join(en)[1:])


def _above(f: Mapping[str, Any], text: str) -> str:
    rank = f.get("energy_kwh_365d_percentile")
    return text.format(percent(rank)) if rank is not None else ""


def _arrears(f: Mapping[str, Any], currency: str) -> Figure:
    owed, asked = f["arrears_amount"], f.get("bills_in_question")
    zh, en = "无欠费", "none"
    if owed:
        zh, en = f"最早欠 {f['days_outstanding']} 天", f"oldest {f['days_outstanding']} days"
    if asked:
        told = (f"{asked} 张账单付款待核", f"{asked} bill(s) in question")
        zh, en = (f"{zh}，{told[0]}", f"{en}, {told[1]}") if owed else told
    return Figure("欠费", "Arrears", money(owed, currency), zh, en, "warn" if owed else "")


def key_figures(profile: Profile) -> tuple[Figure, ...]:
    """The figures that come first; none where there are no features of the moment."""
    f, c = profile.figures, profile.currency
    if not f:
        return ()
    growth, late = f["energy_growth_365d"], f["late_bills_365d"] or 0
    score = f["satisfaction_mean_365d"]
    channel = pair(CHANNELS, f["payment_channel"])
    digital = pair(CHANNELS, f["interaction_channel"])
    return (
        Figure(
            "近一年用电",
            "Energy, year",
            energy(f["energy_kwh_365d"]),
            f"同比 {percent(growth, signed=True)}",
            f"{percent(growth, signed=True)} on the year before",
        ),
        Figure(
            "最大需量",
            "Peak demand",
            DASH if f["peak_kw"] is None else f"{number(f['peak_kw'], 1)} kW",
            f"负荷率 {percent(f['load_factor'])}",
            f"load factor {percent(f['load_factor'])}",
        ),
        Figure(
            "近一年电费",
            "Billed, year",
            money(round(f["bill_amount_365d"] or 0), c),
            f"均价 {number(f['average_price_365d'], 3)} /kWh",
            f"{number(f['average_price_365d'], 3)} per kWh",
        ),
        _arrears(f, c),
        Figure(
            "逾期账单",
            "Late bills, year",
            f"{late} / {f['bills_due_365d'] or 0}",
            f"常用{channel[0]}缴费" if f["payment_channel"] else "无缴费记录",
            f"pays by {channel[1]}" if f["payment_channel"] else "no payment",
            "warn" if late >= 3 else "",
        ),
        Figure(
            "服务联系",
            "Contacts, year",
            number(f["contacts_365d"]),
            f"投诉 {f['complaints_365d']} · 满意度 {number(score, 1)}",
            f"{f['complaints_365d']} complaint(s) · satisfaction {number(score, 1)}",
            "warn" if f["complaints_365d"] else "",
        ),
        Figure(
            "在用产品",
            "Running products",
            number(f["running_products"]),
            f"近一年购买 {money(round(f['purchase_amount_365d'] or 0), c)}",
            f"bought {money(round(f['purchase_amount_365d'] or 0), c)} in the year",
        ),
        Figure(
            "线上活跃",
            "Online, 90 days",
            number(f["interactions_90d"]),
            f"次互动 · 多用{digital[0]}" if f["interaction_channel"] else "无线上互动",
            f"interactions, mostly {digital[1]}" if f["interaction_channel"] else "no interaction",
        ),
    )
