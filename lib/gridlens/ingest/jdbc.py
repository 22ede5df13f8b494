"""Queries over JDBC: Spark's options, and one sentence for what goes wrong."""

from __future__ import annotations

import os
import re

from gridlens.errors import SourceError
from gridlens.ingest.source import Jdbc, SourceFile

DRIVERS = {
    "postgresql": "org.postgresql.Driver",
    "mysql": "com.mysql.cj.jdbc.Driver",
    "mariadb": "org.mariadb.jdbc.Driver",
    "oracle": "oracle.jdbc.OracleDriver",
    "sqlserver": "com.microsoft.sqlserver.jdbc.SQLServerDriver",
    "db2": "com.ibm.db2.jcc.DB2Driver",
    "dm": "dm.jdbc.driver.DmDriver",
    "kingbase8": "com.kingbase8.Driver",
    "opengauss": "org.opengauss.Driver",
}
"""Driver class by the URL's scheme: Java finds a driver that comes by ``spark.jars`` only by the name of its class."""
_NO_DRIVER = "Java has no driver for the database; give the driver's jar by spark.jars, and its class by `driver`"
_NO_CONNECTION = (
    "the database does not answer, or refuses user or password; check the variables named by url_env, user_env and password_env"
)
_OTHER = "the query cannot be read over JDBC; check the query, its columns and the rights of the user"


def jdbc_options(jdbc: Jdbc, name: str) -> dict[str, str]:
    """Spark's JDBC options; raises SourceError where an environment variable is not set."""
    options = {"dbtable": f"({jdbc.query}) q", "fetchsize": "10000"}
    for option, variable in (("url", jdbc.url_env), ("user", jdbc.user_env), ("password", jdbc.password_env)):
        if variable is None:
            continue
        if variable not in os.environ:
            raise SourceError(f"source {name}: the environment variable {variable} is not set; set it to the database's {option}")
        options[option] = os.environ[variable]
    scheme = re.match(r"jdbc:(\w+):", options["url"])
    driver = jdbc.driver or (DRIVERS.get(scheme.group(1)) if scheme else None)
    if driver:
        options["driver"] = driver
    if jdbc.partition_column:
        options |= {"partitionColumn": jdbc.partition_column, "lowerBound": str(jdbc.lower), "upperBound": str(jdbc.upper)}
        options["numPartitions"] = str(jdbc.partitions)
    return options


def jdbc_failure(text: str, source: SourceFile) -> SourceError:
    """What went wrong, in one sentence; Spark's own text may hold the address and keeps to the log."""
    if re.search("No suitable driver|ClassNotFoundException", text):
        return SourceError(f"source {source.name}: {_NO_DRIVER}")
    return SourceError(f"source {source.name}: {_NO_CONNECTION if 'FAILED_JDBC.CONNECTION' in text else _OTHER}")
