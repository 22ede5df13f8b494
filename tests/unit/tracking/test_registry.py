"""Champions, challengers and the way back; models from code and data, and those that are refused. No Spark here."""

from __future__ import annotations

import errno
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from gridlens.errors import PlatformError, RegistryError
from gridlens.settings import Settings, load_settings
from gridlens.tracking import Store, Version
from gridlens.tracking.names import CHAMPIONSHIPS, FILES, MANIFEST
from gridlens.tracking.safety import check_safe, digest, manifest
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

CODE = Path(__file__).with_name("code_model.py")
FEATURES = StructType([StructField("tariff", StringType()), StructField("kwh", DoubleType())])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings("local", overrides={"root_dir": str(tmp_path_factory.mktemp("store"))})


@pytest.fixture(scope="module")
def store(settings: Settings) -> Store:
    return Store.open(settings)


def trained(store: Store, model: str, value: float, folder: Path, served: dict[str, Any] | None = None) -> Version:
    """A version that gives ``value`` for every row. Args: served: files beside it."""
    data = folder / "parameters.json"
    data.write_text(json.dumps({"value": value}), encoding="utf-8")
    with store.run(model) as run:
        run.log_metrics({"auc": value})
        run.log_fingerprints(definition=f"definition of {value}", data="rows")
        run.log_code_model(CODE, {"parameters": data}, FEATURES)
        for name, content in (served or {}).items():
            run.log_served(content, name)
        return run.register()


@pytest.fixture(scope="module")
def four(store: Store, tmp_path_factory: pytest.TempPathFactory) -> list[Version]:
    """Four versions of one model."""
    folder = tmp_path_factory.mktemp("data")
    return [trained(store, "churn", value, folder) for value in (0.1, 0.2, 0.3, 0.4)]


@pytest.fixture
def churn(store: Store, four: list[Version]) -> str:
    """The model with no champion, challenger or history."""
    for entry in store.versions("churn"):
        for alias in entry.aliases:
            store.client.delete_registered_model_alias(entry.name, alias)
        store.client.set_model_version_tag(entry.name, str(entry.version), CHAMPIONSHIPS, " ")
    return "churn"


def champion(store: Store) -> int:
    return store.version("churn").version


def test_versions_tell_their_figures_and_fingerprints(store: Store, churn: str) -> None:
    found = store.versions(churn)
    assert [entry.version for entry in found] == [4, 3, 2, 1]
    assert [entry.metrics["auc"] for entry in found] == [0.4, 0.3, 0.2, 0.1]
    assert (found[0].name, found[0].definition_fingerprint, found[0].data_fingerprint) == ("gridlens_churn", "definition of 0.4", "rows")
    assert found[0].created >= found[-1].created
    assert store.versions("never_trained") == []


def test_a_code_model_gives_what_its_data_say(store: Store, churn: str) -> None:
    store.promote(churn, 3, reason="best")
    loaded = store.load(churn)
    assert loaded.kind == "code"
    assert list(loaded.features.items()) == [("tariff", "string"), ("kwh", "double")], "in their order"
    rows = pd.DataFrame({"kwh": [1.0, None], "tariff": ["a", None]})
    assert list(loaded.model.predict(rows)) == [0.3, 0.3]
    assert list(store.load(churn, 1).model.predict(rows)) == [0.1, 0.1]


def test_promotion_keeps_the_reason_and_ends_the_challenge(store: Store, churn: str) -> None:
    challenged = store.challenge(churn, 2, reason="AUC 0.61 is below 0.7")
    assert (challenged.aliases, challenged.decision, challenged.reason) == (("challenger",), "challenger", "AUC 0.61 is below 0.7")
    promoted = store.promote(churn, 2, reason="by hand")
    assert (promoted.aliases, promoted.decision, promoted.reason) == (("champion",), "champion", "by hand")
    assert store.version(churn, "champion").version == 2


def test_of_two_trainings_that_end_at_once_the_second_does_not_take_the_place_of_the_first(store: Store, churn: str) -> None:
    store.promote(churn, 1, reason="r")
    assert store.succeed(churn, 2, after=1, reason="better than champion 1").decision == "champion"
    late = store.succeed(churn, 3, after=1, reason="better than champion 1")
    assert (late.aliases, late.decision) == (("challenger",), "challenger")
    assert late.reason == (
        "It was judged against champion 1, and there is champion 2 now, so that it is not promoted: train again. better than champion 1"
    )
    assert champion(store) == 2


def test_of_two_first_trainings_at_once_one_is_champion(store: Store, churn: str) -> None:
    assert store.succeed(churn, 1, after=None, reason="r").decision == "champion"
    late = store.succeed(churn, 2, after=None, reason="r")
    assert (late.decision, champion(store)) == ("challenger", 1)
    assert late.reason.startswith("It was judged against no champion, and there is champion 1 now")


def test_rolling_back_goes_all_the_way(store: Store, churn: str) -> None:
    for number in (1, 2, 2, 4, 3):
        store.promote(churn, number, reason="gate passed")
    back = store.rollback(churn, reason="complaints")
    assert (back.version, back.decision, back.reason) == (4, "champion", "back after version 3: complaints")
    assert (store.version(churn, 3).decision, store.version(churn, 3).reason) == ("rolled_back", "complaints")
    assert [store.rollback(churn).version, store.rollback(churn).version] == [2, 1]
    with pytest.raises(
        RegistryError,
        match="churn had no champion before version 1: promote another with `gridlens promote churn --version N --reason WHY`",
    ):
        store.rollback(churn)
    assert champion(store) == 1


def test_what_was_rolled_back_is_not_returned_to(store: Store, churn: str) -> None:
    store.promote(churn, 1, reason="r")
    store.promote(churn, 2, reason="r")
    store.rollback(churn)
    store.promote(churn, 3, reason="r")
    assert store.rollback(churn).version == 1


def test_a_version_may_be_champion_twice(store: Store, churn: str) -> None:
    for number in (1, 2, 1):
        store.promote(churn, number, reason="r")
    assert [store.rollback(churn).version, store.rollback(churn).version] == [2, 1]


@pytest.mark.parametrize("step", ["promotion", "roll-back"])
def test_a_process_killed_in_between_leaves_a_row_that_holds(store: Store, churn: str, step: str) -> None:
    store.promote(churn, 1, reason="r")
    store.promote(churn, 2, reason="r")
    name = store.version(churn, 1).name
    if step == "promotion":  # of 3: noted, but not champion yet
        store.client.set_model_version_tag(name, "3", CHAMPIONSHIPS, "3")
    else:  # to 1: champion again, but 2 still noted above it
        store.client.set_registered_model_alias(name, "champion", "1")
    store.promote(churn, 4, reason="r")
    assert store.rollback(churn).version == (2 if step == "promotion" else 1)


def test_a_champion_made_by_other_means_is_rolled_back_from(store: Store, churn: str) -> None:
    store.promote(churn, 1, reason="r")
    store.client.set_registered_model_alias(store.version(churn, 1).name, "champion", "4")
    assert store.rollback(churn).version == 1


def test_what_is_not_there_is_named(store: Store, churn: str) -> None:
    with pytest.raises(RegistryError) as told:
        store.load(churn)
    assert str(told.value) == (
        "churn has no champion (versions: 4, 3, 2, 1): run `gridlens train churn`, or `gridlens promote churn --version N --reason WHY`"
    )
    with pytest.raises(RegistryError, match=r"churn has no version 9 \(versions: 4, 3, 2, 1\)"):
        store.promote(churn, 9, reason="r")
    with pytest.raises(RegistryError, match=r"unheard has no champion \(it has no version yet\): run `gridlens train unheard`$"):
        store.load("unheard")
    with pytest.raises(RegistryError, match=r"time_to_pay has no champion \(it has no version yet\): run `gridlens collection run`$"):
        store.rollback("time_to_pay")
    with pytest.raises(RegistryError, match="churn has no champion"):
        store.rollback(churn)


def test_a_run_without_a_model_is_not_registered(store: Store) -> None:
    with store.run("empty") as run, pytest.raises(RegistryError, match="has logged no model yet"):
        run.register()


def test_a_version_whose_run_is_deleted_stands(store: Store, tmp_path: Path) -> None:
    made = trained(store, "orphan", 0.5, tmp_path)
    store.client.delete_run(made.run_id)
    assert store.versions("orphan")[0].version == made.version


def test_a_model_that_was_not_registered_by_gridlens_is_refused(store: Store, churn: str) -> None:
    entry = store.version(churn, 1)
    kept = entry.tags[MANIFEST]
    store.client.delete_model_version_tag(entry.name, "1", MANIFEST)
    try:
        with pytest.raises(RegistryError, match="version 1 of churn has no checksum, so it was not registered by gridlens"):
            store.load(churn, 1)
    finally:
        store.client.set_model_version_tag(entry.name, "1", MANIFEST, kept)


def test_an_altered_number_is_found_even_where_the_manifest_is_altered_too(store: Store, settings: Settings, tmp_path: Path) -> None:
    made = trained(store, "altered", 0.5, tmp_path)
    run = Path(settings.mlflow_artifacts) / "altered" / made.run_id / "artifacts"
    (data,) = (run / "model").rglob("parameters.json")
    data.write_text('{"value": 0.9}', encoding="utf-8")
    with pytest.raises(RegistryError, match=r"version 1 of altered was altered after it was registered \(artifacts/parameters\.json\)"):
        store.load("altered", 1)
    (run / "manifest.json").write_text(json.dumps(manifest(run / "model")), encoding="utf-8")
    with pytest.raises(RegistryError, match="version 1 of altered was altered after it was registered: it is not loaded"):
        store.load("altered", 1)


def test_what_scoring_reads_beside_the_model_is_what_was_logged(store: Store, settings: Settings, tmp_path: Path) -> None:
    made = trained(store, "beside", 0.5, tmp_path, {"means.json": {"kwh": [1.5]}})
    assert json.loads(store.served_text(made, "means.json")) == {"kwh": [1.5]}
    store.check_served(made)
    place = Path(settings.mlflow_artifacts) / "beside" / made.run_id / "artifacts"
    (place / "means.json").write_text((place / "means.json").read_text("utf-8").replace("1.5", "9.5"), encoding="utf-8")
    with pytest.raises(RegistryError) as told:
        store.served_text(made, "means.json")
    sentence = "version 1 of beside was altered after it was registered (means.json): it is not loaded; train the model, or promote another"
    assert str(told.value) == f"{sentence} version"
    with pytest.raises(RegistryError, match=r"altered after it was registered \(means\.json\)"):
        store.check_served(made)
    (place / "later.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"altered after it was registered \(later\.json\)"):
        store.served_text(made, "later.json")
    assert store.text(made, "later.json") == "{}"


def test_versions_of_before_are_read_without_these_checksums_and_foreign_ones_are_not(store: Store, tmp_path: Path) -> None:
    made = trained(store, "before", 0.5, tmp_path, {"means.json": {"kwh": [1.5]}})
    store.client.delete_model_version_tag(made.name, "1", FILES)
    assert store.served_text(store.version("before", 1), "means.json")
    store.client.delete_model_version_tag(made.name, "1", MANIFEST)
    with pytest.raises(RegistryError, match="version 1 of before has no checksum, so it was not registered by gridlens"):
        store.served_text(store.version("before", 1), "means.json")


def test_a_full_disk_says_nothing_against_a_version(store: Store, churn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", full)
    with pytest.raises(PlatformError, match="the files of version 1 of churn cannot be fetched"):
        store.load(churn, 1)


def full(*_: object, **__: object) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_is_there_and_cannot_be_fetched_says_nothing_against_a_version(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from requests.exceptions import ConnectionError as Away

    made = trained(store, "fetched", 0.5, tmp_path, {"means.json": {"kwh": [1.5]}})
    fetch = LocalArtifactRepository.download_artifacts

    def whole_models_only(repository: Any, artifact_path: str, dst_path: str | None = None) -> str:  # MLflow hides what it meets here
        return full() if artifact_path.endswith(".json") else fetch(repository, artifact_path, dst_path)

    def away(*_: Any) -> None:
        raise Away

    monkeypatch.setattr(LocalArtifactRepository, "download_artifacts", whole_models_only)
    with pytest.raises(PlatformError) as told:
        store.served_text(made, "means.json")
    sentence = "means.json of version 1 of fetched cannot be fetched (MLflow does not say why): look at the store and the disk"
    assert str(told.value) == f"{sentence}, then start again"
    assert store.load("fetched", 1).kind == "code", "the manifest is only for the words"
    for gone, path in ((made, "absent.json"), (made, "plots/absent.json"), (replace(made, run_id="0" * 32), "means.json")):
        with pytest.raises(RegistryError, match=rf"the run of version 1 of fetched has no {path}: train the model again"):
            store.served_text(gone, path)
    monkeypatch.setattr(store.client.inner, "list_artifacts", away)
    with pytest.raises(PlatformError, match="does not answer"):
        store.served_text(made, "means.json")
    monkeypatch.setattr(store.client.inner, "list_artifacts", full)
    with pytest.raises(PlatformError, match=r"means\.json of version 1 of fetched cannot be fetched"):
        store.served_text(made, "means.json")
    monkeypatch.setattr("mlflow.artifacts.download_artifacts", full)
    with pytest.raises(PlatformError, match=r"absent\.json of version 1 of fetched cannot be fetched \(.*No space left on device\)"):
        store.text(made, "absent.json")


def pickled(folder: Path) -> None:
    """A model in MLflow's usual form: a pickled object, even with a checksum of its own."""
    import mlflow.pyfunc

    class Any(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return [1.0]

    shutil.rmtree(folder)
    mlflow.pyfunc.save_model(str(folder), python_model=Any(), pip_requirements=["mlflow"])


def other_loader(folder: Path) -> None:
    text = (folder / "MLmodel").read_text(encoding="utf-8")
    (folder / "MLmodel").write_text(re.sub(r"loader_module: \S+", "loader_module: os", text), encoding="utf-8")


def no_description(folder: Path) -> None:
    (folder / "MLmodel").write_text("- a list\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (pickled, "holds pickled code (python_model.pkl), which can do anything when it is loaded: it is not loaded"),
        (other_loader, "is loaded by os: only Spark pipelines and models from code are"),
        (no_description, "has no readable MLmodel file"),
    ],
    ids=["pickled", "other loader", "no description"],
)
def test_an_unsafe_model_is_refused_even_with_the_right_checksum(store, settings, tmp_path, harm, sentence) -> None:  # type: ignore[no-untyped-def]
    made = trained(store, "unsafe", 0.5, tmp_path)
    folder = Path(settings.mlflow_artifacts) / "unsafe" / made.run_id / "artifacts" / "model"
    harm(folder)
    store.client.set_model_version_tag(made.name, str(made.version), MANIFEST, digest(manifest(folder)))
    with pytest.raises(RegistryError) as told:
        store.load("unsafe", made.version)
    assert str(told.value).startswith(f"version {made.version} of unsafe {sentence}")


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ('{"class": "os.path.Evil"}', "has the stage os.path.Evil, which is none of Spark's own"),
        ('{"class": "xgboost.spark.estimator.SparkXGBClassifierModel", "serialized_callbacks": "gASV"}', "has pickled code in the stage"),
        ("{", "has an unreadable stage (0_x)"),
        (None, "holds no Spark pipeline"),
    ],
    ids=["own", "callbacks", "broken", "empty"],
)
def test_a_saved_pipeline_is_read_before_spark_reads_it(tmp_path: Path, metadata: str | None, sentence: str) -> None:
    flavors = "flavors:\n  python_function: {loader_module: mlflow.spark}\n  spark: {model_data: sparkml}\n"
    (tmp_path / "MLmodel").write_text(flavors, encoding="utf-8")
    if metadata is not None:
        stage = tmp_path / "sparkml" / "stages" / "0_x" / "metadata"
        stage.mkdir(parents=True)
        (stage / "part-00000").write_text(metadata, encoding="utf-8")
    with pytest.raises(RegistryError) as told:
        check_safe(tmp_path, "version 1 of x")
    assert sentence in str(told.value)


def test_code_beside_a_pipeline_is_refused(tmp_path: Path) -> None:
    flavors = "flavors:\n  python_function: {loader_module: mlflow.spark, code: code}\n  spark: {model_data: sparkml}\n"
    (tmp_path / "MLmodel").write_text(flavors, encoding="utf-8")
    with pytest.raises(RegistryError, match="only Spark pipelines and models from code are"):
        check_safe(tmp_path, "version 1 of x")
