"""Labels: what happened to accounts in a window after a moment. Definitions name them; what is not here cannot be named."""

from gridlens.models.labels.arrears import BILL_UNPAID
from gridlens.models.labels.departure import ACCOUNT_LEFT
from gridlens.models.labels.inspection import INSPECTION_FOUND
from gridlens.models.labels.label import Arguments, Facts, LabelFunction, Window
from gridlens.models.labels.purchase import PRODUCT_BOUGHT

LABELS: dict[str, LabelFunction] = {label.name: label for label in (ACCOUNT_LEFT, BILL_UNPAID, INSPECTION_FOUND, PRODUCT_BOUGHT)}
"""Label functions by the name that definitions give."""

__all__ = ["LABELS", "Arguments", "Facts", "LabelFunction", "Window"]
