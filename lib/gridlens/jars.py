"""Finds Delta's jars: on the classpath, in a jar folder, or by Ivy; a session then starts without asking any network."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from gridlens.errors import PlatformError

DELTA = "4.4.0"
UNITY = "0.6.0"
NEEDED = (
    f"delta-spark_4.2_2.13-{DELTA}.jar",
    f"delta-storage-{DELTA}.jar",
    f"delta-kernel-api-{DELTA}.jar",
    f"delta-kernel-defaults-{DELTA}.jar",
    f"delta-kernel-unitycatalog-{DELTA}.jar",
    f"unitycatalog-client-{UNITY}.jar",
    f"unitycatalog-hadoop-{UNITY}.jar",
)
"""Seven jars suffice beside Spark's own; Ivy alone would bring 33, other Hadoop versions among them."""

PACKAGE = f"io.delta:delta-spark_4.2_2.13:{DELTA}"
EXCLUDED = ",".join(
    f"{group}:*"
    for group in (
        "org.scala-lang",
        "org.apache.hadoop",
        "org.apache.spark",
        "org.apache.parquet",
        "org.apache.logging.log4j",
        "org.slf4j",
        "com.fasterxml.jackson.core",
        "com.fasterxml.jackson.datatype",
        "com.fasterxml.jackson.module",
        "org.antlr",
        "org.roaringbitmap",
        "org.locationtech.jts",
        "org.xerial.snappy",
        "io.airlift",
        "commons-pool",
        "com.github.luben",
        "javax.annotation",
        "com.google.code.findbugs",
        "org.openapitools",
    )
)
_IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <resolvers><ibiblio name="central" m2compatible="true"/></resolvers>
</ivysettings>
"""


def default_folder() -> Path:
    """Where ``gridlens jars`` puts the jars and every session looks: inside the Python environment."""
    return Path(sys.prefix) / "share" / "gridlens" / "jars"


def in_folder(folder: Path) -> list[Path] | None:
    """The needed jars of a folder, or None where one is missing. Ivy's names (``group_artifact``) count too."""
    found = []
    for name in NEEDED:
        hits = sorted(folder.glob(f"*{name}")) if folder.is_dir() else []
        if not hits:
            return None
        found.append(hits[0])
    return found


def on_classpath() -> bool:
    """True where Spark's own jar folder holds Delta, or spark-submit was started with it (cluster, Databricks)."""
    if os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        return True
    home = os.environ.get("SPARK_HOME") or _pyspark_home()
    if any((Path(home) / "jars").glob("delta-spark*.jar")):
        return True
    return bool(os.environ.get("PYSPARK_GATEWAY_PORT")) and _gateway_has_delta()


def _pyspark_home() -> str:
    import pyspark

    return str(Path(pyspark.__file__).parent)


def _gateway_has_delta() -> bool:
    """Asks the JVM that spark-submit has already started."""
    from pyspark import SparkContext

    SparkContext._ensure_initialized()
    gateway = SparkContext._gateway
    if gateway is None:
        return False
    loader = gateway.jvm.Thread.currentThread().getContextClassLoader()
    return loader.getResource("io/delta/sql/DeltaSparkSessionExtension.class") is not None


def ivy_conf(cache: Path) -> dict[str, str]:
    """Spark settings with which Ivy resolves Delta and nothing of the user's half-filled caches gets in its way."""
    cache.mkdir(parents=True, exist_ok=True)
    settings = cache / "ivysettings.xml"
    settings.write_text(_IVY_SETTINGS, encoding="utf-8")
    return {
        "spark.jars.packages": PACKAGE,
        "spark.jars.excludes": EXCLUDED,
        "spark.jars.ivy": str(cache),
        "spark.jars.ivySettings": str(settings),
    }


def jar_conf(folder: str | None) -> dict[str, str]:
    """Spark settings that bring Delta: nothing where it is there already, else a jar folder, else Ivy.

    Raises:
        PlatformError: the folder named in the settings is needed and lacks a jar.
    """
    if on_classpath():  # a second copy beside it would be two classes of one name
        return {}
    if folder is not None:
        named = in_folder(Path(folder))
        if named is None:
            raise PlatformError(
                f"the jar folder {folder} lacks one of {', '.join(NEEDED)}: run `gridlens jars --to {folder}` where there is a network"
            )
        return {"spark.jars": ",".join(str(jar) for jar in named)}
    jars = in_folder(default_folder())
    if jars is not None:
        return {"spark.jars": ",".join(str(jar) for jar in jars)}
    return ivy_conf(Path(tempfile.gettempdir()) / f"gridlens-ivy-{os.getuid()}")


def fetch(target: Path) -> list[Path]:
    """Puts the seven jars into ``target`` (by Ivy, once) and gives their paths; does nothing where they are there.

    Raises:
        PlatformError: the jars cannot be had; says what to do.
    """
    present = in_folder(target)
    if present is not None:
        return present
    with tempfile.TemporaryDirectory(prefix="gridlens-ivy-") as cache:
        _resolve(ivy_conf(Path(cache)))
        jars = in_folder(Path(cache) / "jars")
        if jars is None:
            raise PlatformError(
                f"Delta's jars could not be fetched: check the network or proxy, or copy {', '.join(NEEDED)} into {target} by hand"
            )
        target.mkdir(parents=True, exist_ok=True)
        for jar, name in zip(jars, NEEDED, strict=True):
            part = target / f".{name}.part"
            shutil.copyfile(jar, part)
            part.replace(target / name)
    return [target / name for name in NEEDED]


def _resolve(conf: dict[str, str]) -> None:
    """Lets spark-submit resolve the packages in a process of its own; the session of this process stays untouched."""
    import subprocess

    submit = Path(_pyspark_home()) / "bin" / "spark-submit"
    arguments = [str(submit), "--master", "local[1]", "--conf", "spark.ui.enabled=false"]
    for key, value in conf.items():
        arguments += ["--conf", f"{key}={value}"]
    # The version printer ends at once; Ivy has resolved by then, and its outcome is judged by the jars it left.
    arguments += ["--class", "org.apache.spark.deploy.SparkSubmit", "spark-internal", "--version"]
    subprocess.run(arguments, capture_output=True, text=True, timeout=600, check=False)
