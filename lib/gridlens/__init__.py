"""gridlens: a Spark job suite from raw meter and customer data to measured campaigns."""

from importlib.resources import files

__version__ = (files(__name__) / "VERSION").read_text(encoding="utf-8").strip()
