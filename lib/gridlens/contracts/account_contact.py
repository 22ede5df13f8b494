"""The features of an account's contacts: service events, purchases, interactions, inspections, surveys and outages.

as_of is the last local day included, U the moment at which it ends in the company's zone. Nothing after it counts, and what ends
later has not ended: an event is closed where closed_at < U, a purchase runs where ended_on is null or after as_of. A window of N days
holds the moments m with U - N d <= m < U, d being 24 hours, and the dates x with as_of - N < x <= as_of. n(rows; N d) is the number
of such rows in the window, without N of all up to as_of. What is dated: events by opened_at, purchases by purchased_on, interactions
by occurred_at, inspections by inspected_on, surveys by surveyed_on, outages by started_at. ``own`` is an interaction that the customer did.
"""

from __future__ import annotations

from dataclasses import replace

from gridlens.contracts import codes
from gridlens.contracts.feature import OWN, Feature, features

DIGITAL_CHANNELS = ("app", "wechat", "web")
"""Channels on which customers serve themselves, of service events and of interactions alike."""

NOT_OWN_KINDS = ("message_sent", "quote_received")
"""Interactions that the company or a competitor did; all other kinds are the customer's own."""

EXIT_PAGES = ("transfer_ownership", "close_account")
"""Pages (``object`` of an interaction) that customers open before they leave: handing the account over, and closing it."""

CONNECTION_PAGE = "grid_connection"
"""Page on which own generation is applied to be connected to the grid (并网申请): it comes before the first kWh fed in."""

NO_FINDING = ("normal", "no_access")
"""Findings of an inspection that found nothing: all in order, or nobody there."""

BURNT_FUELS = ("coal", "gas", "oil")
"""Fuels of a survey that are burnt."""

MIN_SURVEYED_NEARBY = 3
"""Fewer surveyed neighbours say nothing of a neighbourhood."""


def _counts(*rows: tuple[str, str, str]) -> tuple[Feature, ...]:
    """Counts as (name, doc, formula): 0 where there is nothing, so never null."""
    return features("account", None, [(name, "int", "", doc, formula, OWN) for name, doc, formula in rows])


def _days(name: str, null: str, doc: str, formula: str) -> tuple[Feature, ...]:
    """Days since something last happened."""
    return features("account", null, [(name, "int", "d", doc, formula, OWN)])


def _doubles(null: str | None, *rows: tuple[str, str, str, str]) -> tuple[Feature, ...]:
    """Real numbers as (name, unit, doc, formula) that are null for one reason."""
    return features("account", null, [(name, "double", unit, doc, formula, OWN) for name, unit, doc, formula in rows])


def _code(name: str, null: str, doc: str, formula: str, allowed: tuple[str, ...]) -> tuple[Feature, ...]:
    """One of a closed list."""
    return tuple(replace(f, allowed=allowed) for f in features("account", null, [(name, "string", "", doc, formula, OWN)]))


SERVICE_FEATURES = (
    *_counts(
        ("contacts_30d", "Contacts with customer service in 30 days, without what the system opened", "n(channel ≠ system; 30 d)"),
        ("contacts_90d", "Contacts in 90 days, without what the system opened", "n(channel ≠ system; 90 d)"),
        ("contacts_365d", "Contacts in 365 days, without what the system opened", "n(channel ≠ system; 365 d)"),
        ("enquiries_365d", "Enquiries in 365 days, by any channel", "n(kind = enquiry; 365 d)"),
        ("complaints_30d", "Complaints in 30 days, by any channel", "n(kind = complaint; 30 d)"),
        ("complaints_365d", "Complaints in 365 days, by any channel", "n(kind = complaint; 365 d)"),
        ("fault_reports_365d", "Fault reports in 365 days, by any channel", "n(kind = fault_report; 365 d)"),
        ("billing_disputes_365d", "Billing disputes in 365 days, by any channel", "n(kind = billing_dispute; 365 d)"),
        ("capacity_requests_365d", "Requests for another capacity in 365 days, by any channel", "n(kind = capacity_change; 365 d)"),
        ("new_connections_365d", "Requests for a connection in 365 days, by any channel", "n(kind = new_connection; 365 d)"),
        (
            "disconnections_365d",
            "Disconnections in 365 days that the company ordered (欠费停电), not those a customer asked for",
            "n(kind = disconnection, channel = system; 365 d)",
        ),
        ("reconnections_365d", "Reconnections in 365 days, by any channel, the system included", "n(kind = reconnection; 365 d)"),
        ("outage_enquiries_365d", "Enquiries about an outage in 365 days, by any channel", "n(kind = outage_enquiry; 365 d)"),
        ("suggestions_365d", "Suggestions in 365 days, by any channel", "n(kind = suggestion; 365 d)"),
    ),
    *_doubles(
        "no contact in the 365 days",
        ("hotline_share_365d", "", "Part of contacts_365d made by the 95598 hotline", "n(channel = hotline_95598; 365 d) / contacts_365d"),
        ("digital_contact_share_365d", "", "Part of them by app, WeChat or web", "n(channel in app, wechat, web; 365 d) / contacts_365d"),
        ("counter_contact_share_365d", "", "Part of contacts_365d made at a counter", "n(channel = counter; 365 d) / contacts_365d"),
    ),
    *_counts(
        ("open_tickets", "Tickets still open when as_of ends, whenever and by whomever opened", "n(not closed)"),
        ("open_complaints", "Complaints still open when as_of ends, whenever opened", "n(kind = complaint, not closed)"),
    ),
    *_doubles(
        "no ticket opened in the 365 days is closed",
        ("resolve_hours_mean_365d", "h", "Mean time it took to close a ticket of 365 days", "mean(closed_at - opened_at; closed, 365 d)"),
    ),
    *_doubles(
        "no ticket opened in the 365 days is closed with an answer",
        ("satisfaction_mean_365d", "", "Mean satisfaction with them, 1 bad to 5 good", "mean(satisfaction; closed, in 1..5, 365 d)"),
    ),
    *_counts(("low_satisfaction_365d", "Closed tickets of 365 days with satisfaction 1 or 2", "n(closed, satisfaction in 1, 2; 365 d)")),
    *_days("days_since_contact", "never in contact", "Whole days since the last contact", "⌊U - max(opened_at; channel ≠ system)⌋"),
    *_days("days_since_complaint", "never complained", "Whole days since the last complaint", "⌊U - max(opened_at; kind = complaint)⌋"),
)

PURCHASE_FEATURES = (
    *_counts(
        ("purchases_365d", "Purchases in 365 days", "n(365 d)"),
        ("purchases_total", "Purchases ever", "n()"),
    ),
    *_doubles(
        None,
        ("purchase_amount_365d", "CNY", "Amount of the purchases of 365 days", "Σ amount; 365 d"),
        ("purchase_amount_total", "CNY", "Amount of all purchases", "Σ amount"),
    ),
    *_counts(
        ("running_products", "Purchases that have not ended; one that is no subscription never ends", "n(running)"),
        ("ended_products_365d", "Purchases that ended in 365 days", "n(ended_on in 365 d)"),
    ),
    *_days("days_since_purchase", "never bought anything", "Days since the last purchase", "as_of - max(purchased_on)"),
    *_counts(("product_categories", "Categories with a running product; one unknown to the catalogue has none", "n(true owns_*)")),
    *features(
        "account",
        None,
        [
            (f"owns_{code}", "boolean", "", f"Has a running product of category {code}", f"n(running, category = {code}) > 0", OWN)
            for code in codes.PRODUCT_CATEGORIES
        ],
    ),
)

INTERACTION_FEATURES = (
    *_counts(
        ("interactions_30d", "Interactions in 30 days that the customer did: no messages sent, no quotes received", "n(own; 30 d)"),
        ("interactions_90d", "Interactions in 90 days that the customer did", "n(own; 90 d)"),
        ("interactions_365d", "Interactions in 365 days that the customer did", "n(own; 365 d)"),
        ("logins_30d", "Logins in 30 days", "n(kind = login; 30 d)"),
        ("logins_90d", "Logins in 90 days", "n(kind = login; 90 d)"),
        ("active_days_90d", "Local days of the last 90 on which the customer did something", "n(days x with own, x > as_of - 90)"),
        ("views_90d", "Views in 90 days", "n(kind = view; 90 d)"),
        ("clicks_90d", "Clicks in 90 days", "n(kind = click; 90 d)"),
        ("searches_365d", "Searches in 365 days", "n(kind = search; 365 d)"),
        ("product_views_90d", "Views of and clicks on products in 90 days", "n(kind in view, click, object a product_id; 90 d)"),
    ),
    *_code(
        "product_interest",
        "no product viewed or clicked in the 90 days",
        "Category of most product views and clicks in 90 days; where several have as many, the first in the alphabet",
        "argmax over category of product_views_90d",
        codes.PRODUCT_CATEGORIES,
    ),
    *_counts(
        ("product_interest_views_90d", "Product views and clicks of that category", "max over category of product_views_90d"),
        ("exit_page_views_90d", "Views of and searches for exit pages", "n(kind in view, search, object in EXIT_PAGES; 90 d)"),
        (
            "grid_connection_views_90d",
            "Views of and searches for the page on connecting own generation",
            "n(kind in view, search, object = CONNECTION_PAGE; 90 d)",
        ),
        ("bill_views_90d", "Views of bills in 90 days", "n(kind = view, object = bill; 90 d)"),
        ("usage_views_90d", "Views of daily usage in 90 days", "n(kind = view, object = daily_usage; 90 d)"),
        ("tariff_searches_365d", "Searches for tariffs in 365 days", "n(kind = search, object = tariff; 365 d)"),
        ("quotes_90d", "Competitors' quotes received in 90 days", "n(kind = quote_received; 90 d)"),
        ("quotes_365d", "Competitors' quotes received in 365 days", "n(kind = quote_received; 365 d)"),
        ("messages_sent_365d", "Messages sent to the customer in 365 days", "n(kind = message_sent; 365 d)"),
        ("messages_opened_365d", "Openings of messages in 365 days", "n(kind = message_opened; 365 d)"),
    ),
    *_doubles(
        "no message sent in the 365 days",
        ("message_open_share_365d", "", "Openings for each message sent, at most 1", "min(1, messages_opened_365d / messages_sent_365d)"),
    ),
    *_counts(
        ("unsubscribes_365d", "Times that the customer unsubscribed in 365 days", "n(kind = unsubscribe; 365 d)"),
        ("feedback_365d", "Times that the customer gave feedback in 365 days", "n(kind = feedback; 365 d)"),
    ),
    *_doubles(
        "the customer did nothing with a duration in the 90 days",
        ("duration_mean_90d_s", "s", "Mean duration of what the customer did in 90 days", "mean(duration_seconds; own, 90 d)"),
    ),
    *_days(
        "days_since_interaction",
        "the customer never did anything",
        "Whole days since the customer last did something",
        "⌊U - max(occurred_at; own)⌋",
    ),
    *_code(
        "interaction_channel",
        "the customer did nothing in the 365 days",
        "Channel of most of what the customer did in 365 days; where several have as many, the first in the alphabet",
        "argmax over channel of interactions_365d",
        codes.INTERACTION_CHANNELS,
    ),
    *_counts(("digital_channels_365d", "How many of app, WeChat and web the customer used", "n(channels in app, wechat, web; own, 365 d)")),
)

INSPECTION_FEATURES = (
    *_counts(
        ("inspections_730d", "Inspections of points in 730 days, while the account held them", "n(730 d; held)"),
        ("findings_730d", "Those of them that found something wrong", "n(finding not in normal, no_access; 730 d)"),
        ("theft_findings_730d", "Those of them that found theft", "n(finding = theft; 730 d)"),
    ),
    *_days(
        "days_since_inspection",
        "never inspected while the account held it",
        "Days since the last inspection, whatever came of it",
        "as_of - max(inspected_on; held)",
    ),
    *_doubles(None, ("recovered_kwh_730d", "kWh", "Energy recovered by the inspections of 730 days", "Σ recovered_kwh; 730 d")),
)
_NEVER_SURVEYED = "never surveyed"
SURVEY_FEATURES = (
    *_code(
        "surveyed_equipment",
        _NEVER_SURVEYED,
        "Dominant energy equipment that the newest survey saw; of one day the survey that became known last",
        "last(equipment; by surveyed_on)",
        codes.SURVEY_EQUIPMENT,
    ),
    *_code(
        "surveyed_fuel",
        _NEVER_SURVEYED,
        "What it runs on; none where nothing was burnt",
        "last(fuel; by surveyed_on)",
        codes.SURVEY_FUELS,
    ),
    *_days("days_since_survey", _NEVER_SURVEYED, "Days since the newest survey", "as_of - max(surveyed_on)"),
    *_doubles(
        f"fewer than {MIN_SURVEYED_NEARBY} of its neighbours were surveyed, or no transformer is known",
        (
            "fuel_share_nearby",
            "",
            "Part of the surveyed neighbours that burnt coal, gas or oil: other accounts whose main point hangs on the same transformer (台区)",
            "n(surveyed_fuel in coal, gas, oil) / n(surveyed_fuel); transformer_id, without the account",
        ),
    ),
)
OUTAGE_FEATURES = (
    *_counts(
        ("outages_365d", "Outages in 365 days of a transformer that fed the account then, each once", "n(365 d; fed)"),
        ("unplanned_outages_365d", "Those of them that were not planned", "n(kind = unplanned; 365 d)"),
    ),
    *_doubles(
        None, ("outage_hours_365d", "h", "Length of these outages; one still on counts up to U", "Σ min(ended_at, U) - started_at; 365 d")
    ),
)
