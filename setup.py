"""Packaging: ``lib/`` is the source root and ``conf/`` is installed as ``gridlens.conf``."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = (HERE / "lib/gridlens/VERSION").read_text().strip()
CONF_PACKAGES = ["gridlens.conf"] + [
    f"gridlens.conf.{folder.name}" for folder in sorted((HERE / "conf").iterdir()) if folder.is_dir() and folder.name != "__pycache__"
]

setup(
    version=VERSION,
    package_dir={"": "lib", "gridlens.conf": "conf"},
    packages=find_packages("lib") + CONF_PACKAGES,
    package_data={"gridlens": ["VERSION"], "gridlens.reports": ["templates/*"], "gridlens.conf": ["*.yml", "**/*.yml", "**/*.csv"]},
)
