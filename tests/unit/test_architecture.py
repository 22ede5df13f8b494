"""The library's shape, read from its syntax trees: imports run one way, sessions are made in one place, nothing ties it to the JVM."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LIBRARY = PROJECT / "lib" / "gridlens"
FRONT = {
    "cli",
    "cli_anomaly",
    "cli_associations",
    "cli_audience",
    "cli_churn",
    "cli_collection",
    "cli_credit",
    "cli_graph",
    "cli_look",
    "cli_models",
    "cli_options",
    "cli_profile",
    "cli_segments",
    "cli_tags",
    "cli_trajectory",
    "cli_value",
    "doctor",
}
"""What a user calls; everything else at the top of the library is foundation."""
BELOW = {"contracts": "foundation", "pipelines": "pipelines", "tracking": "foundation"}
"""Folders that are no capability."""
EXCEPTIONS = {
    ("fold.pieces", "quality"): "row-local checks run while a block is in cache, in the fold's one pass over it",
    ("reports.explanation", "tags"): "the type of what it prints",
    ("reports.model_card", "models"): "the type of what it shows",
    ("reports.model_card_charts", "models"): "the type of what it draws",
    ("reports.model_card_view", "models"): "the type of what it words",
    ("reports.profile_charts", "profile"): "the type of what it draws",
    ("reports.profile_console", "profile"): "the type of what it prints",
    ("reports.profile_heat", "profile"): "the type of what it draws",
    ("reports.profile_page", "profile"): "the type of what it shows",
    ("reports.profile_view", "profile"): "the type of what it words",
    ("reports.scorecard_page", "models"): "the scorecard that it shows",
    ("reports.source_check", "ingest"): "the type of what it prints",
    ("reports.time_to_pay_card", "models"): "the types of what it shows",
    ("samples.bills", "billing"): "the province's bills are made by the tariff engine itself",
    ("samples.province", "billing"): "the tariffs by which the province is billed",
    ("samples.tariffs", "billing"): "which tariff a customer has",
}
SERVED = {"models.scorecard_pyfunc"}
"""Text of models: MLflow runs it where there is no gridlens."""
JVM = {"sparkContext", "_sc", "rdd", "_jvm", "_jsc", "_jdf", "_jsparkSession", "_gateway", "SparkContext"}
MAY_TOUCH_THE_JVM = {"session", "jars"}


def modules() -> dict[str, ast.Module]:
    """Syntax tree by module, as ``ingest.bronze``; a package by its own name."""
    paths = {p.relative_to(LIBRARY).with_suffix("").as_posix().replace("/", "."): p for p in LIBRARY.rglob("*.py")}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in paths.items() if name != "__init__"}


def imports(tree: ast.Module, known: set[str]) -> set[str]:
    """Modules of the library that a tree imports anywhere, functions and type-checking blocks included."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    found = set()
    for name in names:
        steps = name.split(".")
        if steps[0] == "gridlens":
            found |= {next((m for end in range(len(steps), 1, -1) if (m := ".".join(steps[1:end])) in known), "")} - {""}
    return found


def layer(module: str) -> str:
    """foundation, capability, pipelines or front."""
    top = module.partition(".")[0]
    if top in FRONT:
        return "front"
    return BELOW.get(top, "capability" if (LIBRARY / top).is_dir() else "foundation")


def folder(module: str) -> str:
    return module.partition(".")[0]


def forbidden(module: str, imported: str) -> bool:
    """True where ``module`` may not import ``imported``."""
    here, there = layer(module), layer(imported)
    if folder(imported) == "samples":
        return folder(module) != "samples" and module != "pipelines.sample"
    if here == "capability" and there == "capability":
        return folder(module) != folder(imported) and (module, folder(imported)) not in EXCEPTIONS
    if here == "front" and there == "capability":
        return folder(imported) != "reports"
    order = ("foundation", "capability", "pipelines", "front")
    return order.index(there) > order.index(here)


TREES = modules()
IMPORTS = {module: imports(tree, set(TREES)) for module, tree in TREES.items()}


@pytest.mark.parametrize(
    ("module", "imported", "refused"),
    [
        ("pipelines.ingest", "cli", True),
        ("tables", "warehouse", False),
        ("warehouse", "fold.blocks", True),
        ("features.day", "quality.estimates", True),
        ("features.day", "features.clock", False),
        ("cli", "ingest.source", True),
        ("cli", "reports.console", False),
        ("pipelines.chain", "samples.province", True),
        ("pipelines.sample", "samples.province", False),
        ("fold.pieces", "quality.row_local", False),
        ("fold.blocks", "quality.row_local", True),
    ],
)
def test_the_rule_itself(module: str, imported: str, refused: bool) -> None:
    assert forbidden(module, imported) is refused


def test_imports_run_one_way() -> None:
    assert len(IMPORTS) > 50
    assert [(m, i) for m, imported in IMPORTS.items() for i in sorted(imported) if forbidden(m, i)] == []


def test_every_exception_is_still_needed() -> None:
    assert [pair for pair in EXCEPTIONS if pair[1] not in {folder(i) for i in IMPORTS[pair[0]]}] == []


def test_no_folder_or_module_imports_itself_by_a_detour() -> None:
    graph: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        graph.setdefault(folder(module), set()).update({folder(i) for i in imported} - {folder(module)})
    list(graphlib.TopologicalSorter(graph).static_order())


def test_jobs_import_the_command_line_only() -> None:
    for path in (PROJECT / "jobs").glob("*.py"):
        assert imports(ast.parse(path.read_text("utf-8")), set(TREES)) == {"cli"}, path.name


def attributes(tree: ast.Module) -> dict[str, int]:
    """Attributes, names and imported names with the last line each stands on."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found[node.attr] = node.lineno
        elif isinstance(node, ast.Name):
            found[node.id] = node.lineno
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.name: node.lineno for alias in node.names}
    return found


def test_nothing_reaches_for_the_jvm() -> None:
    """Spark Connect and Databricks' shared clusters have none of these."""
    used = {m: {name: line for name, line in attributes(tree).items() if name in JVM} for m, tree in TREES.items()}
    assert {m: names for m, names in used.items() if names and m not in MAY_TOUCH_THE_JVM} == {}
    assert used["jars"], "the exception is used, so the search finds something"


def test_no_local_day_follows_the_sessions_zone() -> None:
    """A cast to date does, and a notebook's session has the zone of its workspace: features.account_windows.local_day does not."""
    casts = re.compile(r"to_date\(\s*F\.from_utc_timestamp")
    assert [module for module, tree in TREES.items() if casts.search(ast.unparse(tree))] == []


def test_one_module_makes_sessions() -> None:
    def makes(node: ast.AST) -> bool:
        if not isinstance(node, ast.Attribute):
            return False
        return node.attr in ("getOrCreate", "newSession") or (node.attr == "builder" and "SparkSession" in ast.unparse(node.value))

    assert {module for module, tree in TREES.items() if any(map(makes, ast.walk(tree)))} == {"session"}


def test_one_package_knows_mlflow_and_asks_for_it_late() -> None:
    """Importing mlflow takes seconds, which commands without models do not pay; and only one place changes with it."""

    def modules_of(node: ast.AST) -> list[str]:
        if isinstance(node, ast.ImportFrom):
            return [node.module or ""]
        return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []

    def asks(nodes: Iterable[ast.AST]) -> bool:
        return any(name.split(".")[0] == "mlflow" for node in nodes for name in modules_of(node))

    ours = {module: tree for module, tree in TREES.items() if module not in SERVED}
    assert {folder(module) for module, tree in ours.items() if asks(ast.walk(tree))} == {"tracking"}
    assert [module for module, tree in ours.items() if asks(tree.body)] == []


def test_what_mlflow_runs_needs_none_of_the_library_and_is_imported_by_none() -> None:
    for served in SERVED:
        assert IMPORTS[served] == set()
        assert [module for module, imported in IMPORTS.items() if served in imported] == []


def test_the_clock_is_read_by_the_run_log_only() -> None:
    clocks = {"now", "utcnow", "today", "current_timestamp", "current_date"}
    read = {m for m, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in clocks}
    assert read == {"runs"}
