"""Load-shape features: days, months and years. Definitions are in ``contracts``; ``catalogue`` renders them."""

from gridlens.features.catalogue import feature_catalogue, features_markdown
from gridlens.features.day import load_shape_day
from gridlens.features.month import load_shape_month
from gridlens.features.year import consumption_year

__all__ = ["consumption_year", "feature_catalogue", "features_markdown", "load_shape_day", "load_shape_month"]
