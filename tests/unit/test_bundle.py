"""The Databricks bundle refers to what is there: files, variables, tasks, environments, and options that the commands know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from gridlens.cli import app
from gridlens.pipelines.declared import model_library
from gridlens.settings import load_settings

PROJECT = Path(__file__).resolve().parents[2]
BUNDLE = yaml.safe_load((PROJECT / "databricks.yml").read_text("utf-8"))
RESOURCES = sorted(path for pattern in BUNDLE["include"] for path in PROJECT.glob(pattern))
JOBS: dict[str, tuple[Path, dict[str, Any]]] = {
    name: (path, job) for path in RESOURCES for name, job in yaml.safe_load(path.read_text("utf-8"))["resources"]["jobs"].items()
}
TASKS = [pytest.param(path, job, task, id=f"{name}.{task['task_key']}") for name, (path, job) in JOBS.items() for task in job["tasks"]]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
USAGE_ERROR = typer.BadParameter.__mro__[1]
OWN = {"workspace.current_user.userName"}
"""What Databricks itself fills in."""


def filled(text: str) -> str:
    """The text with the bundle's variables as their defaults; KeyError where one is not declared."""
    return re.sub(r"\$\{var\.(\w+)}", lambda found: str(BUNDLE["variables"][found.group(1)]["default"]), text)


def accept(command: str, parameters: list[str]) -> Any:
    """The command's context for these parameters; raises UsageError where it does not take them."""
    chosen, given = COMMANDS[command], list(parameters)
    below = getattr(chosen, "commands", {})
    if below:  # jobs/credit.py and churn.py are told which of their commands to run, the other scripts have theirs
        chosen = below.get("build" if command == "audience" else "run") or below[given.pop(0)]
    return chosen.make_context(command, given)


def script_task(task: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The task that runs a script, and what its ``{{input}}`` stands for in turn."""
    each = task.get("for_each_task")
    return (each["task"], json.loads(filled(each["inputs"]))) if each else (task, [""])


def test_every_file_of_the_resources_is_included_and_holds_a_job() -> None:
    assert set(RESOURCES) == set((PROJECT / "resources").iterdir())
    assert {path for path, _ in JOBS.values()} == set(RESOURCES)
    keys = {name: [task["task_key"] for task in job["tasks"]] for name, (_, job) in JOBS.items()}
    scored = ["score", "credit", "anomalies", "collection", "value", "substitution"]
    understood = ["tags", "graph", "offers", "trajectory", "segments", "associations", "audience"]
    assert keys == {
        "gridlens_daily": ["ingest", "features", *scored, *understood],
        "gridlens_models": ["train", "credit_train", "churn"],
        "gridlens_upkeep": ["migrate", "maintain"],
    }


def test_every_model_is_trained_and_scored() -> None:
    models = [model.id for model in model_library(load_settings("local", environ={}))]
    tasks = {task["task_key"]: script_task(task)[1] for _, job in JOBS.values() for task in job["tasks"]}
    assert tasks["train"] == tasks["score"] == models


def test_what_reads_scores_waits_for_them_and_runs_though_a_model_has_no_champion() -> None:
    (tags,) = [task for task in JOBS["gridlens_daily"][1]["tasks"] if task["task_key"] == "tags"]
    assert {one["task_key"] for one in tags["depends_on"]} == {"features", "score", "credit", "anomalies"}
    assert tags["run_if"] == "AT_LEAST_ONE_SUCCESS"


def test_every_variable_is_declared_and_used() -> None:
    text = "".join(path.read_text("utf-8") for path in (PROJECT / "databricks.yml", *RESOURCES))
    used = set(re.findall(r"\$\{([^}]+)}", text))
    assert {name.removeprefix("var.") for name in used if name.startswith("var.")} == set(BUNDLE["variables"])
    assert {name for name in used if not name.startswith("var.")} <= OWN


@pytest.mark.parametrize(("path", "job", "task"), TASKS)
def test_a_task_runs_a_script_with_options_it_knows(path: Path, job: dict[str, Any], task: dict[str, Any]) -> None:
    inner, inputs = script_task(task)
    script = (path.parent / inner["spark_python_task"]["python_file"]).resolve()
    assert script.is_file()
    for value in inputs:
        parameters = [filled(text).replace("{{input}}", value) for text in inner["spark_python_task"]["parameters"]]
        context = accept(script.stem, parameters)
        assert context.params["profile"] == "databricks"
        assert context.params.get("name", value) == value
        sources = context.params.get("sources")
        assert sources is None or (PROJECT / "conf" / "sources" / sources).is_file()
    assert inner["environment_key"] in {environment["environment_key"] for environment in job["environments"]}
    assert {other["task_key"] for other in task.get("depends_on", [])} <= {other["task_key"] for other in job["tasks"]}


@pytest.mark.parametrize("wrong", [["--no-such"], ["--retain-days=soon"], ["--retain-days=1"]])
def test_the_check_above_refuses_what_a_command_does_not_know(wrong: list[str]) -> None:
    with pytest.raises(USAGE_ERROR):
        accept("maintain", ["--profile=databricks", *wrong])


@pytest.mark.parametrize("name", JOBS)
def test_a_job_waits_to_be_switched_on_and_takes_the_wheel_that_is_built(name: str) -> None:
    path, job = JOBS[name]
    assert job["schedule"]["pause_status"] == "PAUSED"
    assert job["max_concurrent_runs"] == 1
    built = {PROJECT / file["source"] for artifact in BUNDLE["artifacts"].values() for file in artifact["files"]}
    for environment in job["environments"]:
        taken = {path.parent / text for text in environment["spec"]["dependencies"]}
        assert {Path(str(p)).resolve() for p in taken} == {p.resolve() for p in built}


def test_the_wheel_is_built_where_the_jobs_look() -> None:
    (artifact,) = BUNDLE["artifacts"].values()
    module, folder = re.fullmatch(r"\S+python -m (\S+) (\S+) --wheel", artifact["build"]).groups()  # type: ignore[union-attr]
    assert module == "gridlens.archive"
    assert artifact["files"] == [{"source": f"{folder}/*.whl"}]
