"""Settings: order of the layers, errors that name where a value came from, secrets masked, configuration from a folder or a zip."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import gridlens
import pytest
from gridlens.errors import SettingsError
from gridlens.settings import Settings, conf_file, conf_files, detect_profile, load_settings

PROJECT = Path(__file__).resolve().parents[2]
KEY = "canary-key-0123456789"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_every_field_has_a_sentence_and_settings_are_frozen() -> None:
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name
    with pytest.raises(Exception, match="frozen"):
        load_settings("local", environ={}).zone = "UTC"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "local"),
        ({"PYSPARK_GATEWAY_PORT": "1"}, "cluster"),
        ({"SPARK_REMOTE": "sc://x"}, "cluster"),
        ({"DATABRICKS_RUNTIME_VERSION": "18.0", "PYSPARK_GATEWAY_PORT": "1"}, "databricks"),
        ({"GRIDLENS_PROFILE": "cluster"}, "cluster"),
    ],
)
def test_profile_is_found_from_the_environment(environ: dict[str, str], expected: str) -> None:
    assert load_settings(environ=environ).profile == expected
    if "GRIDLENS_PROFILE" not in environ:
        assert detect_profile(environ) == expected


def test_layers_yaml_then_environment_then_command_line(tmp_path: Path) -> None:
    write(tmp_path, "base.yml", "zone: Europe/London\ncurrency: GBP\ncalendar: UK\nspark:\n  a: 1\n  b: 1\n  c: 1\n")
    write(tmp_path, "local.yml", "currency: EUR\nspark:\n  b: 2\n  c: true\n")
    environ = {"GRIDLENS_CALENDAR": "FR", "GRIDLENS_SPARK": '{"c": 3}', "GRIDLENS_KNOWN_AT_LAG_HOURS": "5"}
    got = load_settings("local", tmp_path, {"known_at_lag_hours": 7, "zone": None}, environ)
    assert (got.zone, got.currency, got.calendar, got.known_at_lag_hours) == ("Europe/London", "EUR", "FR", 7)
    assert {key: got.spark[key] for key in "abc"} == {"a": "1", "b": "2", "c": "3"}


@pytest.mark.parametrize("name", ["base.yml", "local.yml"])
def test_a_file_of_the_folder_comes_on_top_of_the_packaged_ones(tmp_path: Path, name: str) -> None:
    write(tmp_path, name, "currency: EUR\nspark:\n  spark.driver.memory: 9g\n  spark.jars: /opt/driver.jar\n")
    packaged, got = load_settings("local", environ={}), load_settings("local", tmp_path, environ={})
    assert (got.currency, got.zone) == ("EUR", packaged.zone)
    assert got.spark == packaged.spark | {"spark.driver.memory": "9g", "spark.jars": "/opt/driver.jar"}


def test_places_follow_root_dir_and_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    got = load_settings("local", environ={"GRIDLENS_ROOT_DIR": "here"})
    assert got.warehouse == f"{tmp_path}/here/warehouse"
    assert got.mlflow_tracking_uri == f"sqlite:///{tmp_path}/here/mlflow.db"
    assert load_settings("cluster", overrides={"warehouse": "s3a://bucket/x"}, environ={}).warehouse == "s3a://bucket/x"
    assert load_settings("databricks", environ={}).mlflow_tracking_uri == "databricks"


@pytest.mark.parametrize(
    ("yaml", "environ", "overrides", "message"),
    [
        ("zone: Asia/Shanghai\ncurency: EUR\n", {}, {}, r"base\.yml line 2: curency is no setting; did you mean currency\?"),
        ("zone: Asia/Shanghai\n\nlog_format: xml\n", {}, {}, r"base\.yml line 3: field log_format: expected one of plain, json"),
        ("pseudonym_key: abc\n", {}, {}, r"base\.yml line 1: pseudonym_key is not taken from a file; use GRIDLENS_PSEUDONYM_KEY"),
        ("- a\n", {}, {}, r"base\.yml line 1: expected a mapping"),
        ("zone: [\n", {}, {}, r"base\.yml line \d: not valid YAML"),
        ("", {"GRIDLENS_ZON": "x"}, {}, r"environment variable GRIDLENS_ZON: zon is no setting; did you mean zone\?"),
        ("", {"GRIDLENS_ZONE": "Mars/Base"}, {}, r"environment variable GRIDLENS_ZONE: Mars/Base is no IANA time zone"),
        ("", {"GRIDLENS_KNOWN_AT_LAG_HOURS": "soon"}, {}, r"environment variable GRIDLENS_KNOWN_AT_LAG_HOURS: expected a valid integer"),
        ("", {"GRIDLENS_SPARK": "x"}, {}, r"environment variable GRIDLENS_SPARK: expected a JSON map"),
        ("", {}, {"currency": "yuan"}, r"option --currency: expected an ISO 4217 code"),
        ("", {}, {"catalog": "a.b.c"}, r"option --catalog: expected `catalog\.schema`"),
        ("", {}, {"root_dir": "s3a://x/y"}, r"option --root-dir: expected a local folder"),
        ("", {}, {"profile": "clust"}, r"profile 'clust' is unknown: expected one of local, cluster, databricks"),
    ],
)
def test_errors_name_where_the_value_came_from(
    tmp_path: Path, yaml: str, environ: dict[str, str], overrides: dict[str, str], message: str
) -> None:
    write(tmp_path, "base.yml", yaml)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(conf_dir=tmp_path, overrides=overrides, environ=environ)
    assert "\n" not in str(caught.value)


def test_missing_configuration_folder_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="configuration folder /no/such does not exist"):
        load_settings(conf_dir="/no/such", environ={})


def test_secrets_are_shown_nowhere() -> None:
    got = load_settings(
        "local",
        overrides={"mlflow_tracking_uri": "postgresql://mlflow:hunter2@db/mlflow", "spark": {"spark.x.password": "hunter2"}},
        environ={"GRIDLENS_PSEUDONYM_KEY": KEY},
    )
    shown = f"{got.masked()} {got.model_dump_json()}"
    assert KEY not in f"{shown} {got!r}"
    assert "hunter2" not in str(got.masked())
    assert got.masked()["mlflow_tracking_uri"] == "postgresql://mlflow:***@db/mlflow"
    assert got.pseudonym_key is not None
    assert got.pseudonym_key.get_secret_value() == KEY
    with pytest.raises(SettingsError) as caught:
        load_settings("local", environ={"GRIDLENS_PSEUDONYM_KEY": "short-canary"})
    assert "short-canary" not in str(caught.value)


def test_user_files_shadow_packaged_ones_by_name(tmp_path: Path) -> None:
    mine = write(tmp_path, "calendars/CN.yml", "x: 1\n")
    write(tmp_path, "calendars/ZZ.yml", "x: 1\n")
    write(tmp_path, "calendars/notes.txt", "x")
    got = load_settings("local", tmp_path, environ={})
    found = {path.name: path for path in conf_files(got, "calendars")}
    assert found["CN.yml"] == mine
    assert set(found) == {"ZZ.yml"} | {p.name for p in (PROJECT / "conf" / "calendars").glob("*.yml")}
    assert list(found) == sorted(found)
    assert conf_file(got, "calendars/CN.yml") == mine
    with pytest.raises(SettingsError, match=r"configuration file calendars/none\.yml was not found \(there are: .*CN\.yml"):
        conf_file(got, "calendars/none.yml")


def test_works_from_a_zip_archive(tmp_path: Path) -> None:
    """As `spark-submit --py-files` brings it: the package inside a zip, no folder on disk."""
    archive = tmp_path / "gridlens.zip"
    package = Path(gridlens.__file__).parent
    with zipfile.ZipFile(archive, "w") as target:
        for base, name in ((package, "gridlens"), (PROJECT / "conf", "gridlens/conf")):
            for path in base.rglob("*"):
                if path.is_file() and path.suffix in (".py", ".yml", "") and "__pycache__" not in path.parts:
                    target.write(path, f"{name}/{path.relative_to(base)}")
    code = (
        "import gridlens.settings as s; got = s.load_settings('local', environ={}); assert '.zip' in s.__file__;"
        "print(got.zone, *(f'{p.name}:{p.stat().st_size}' for p in s.conf_files(got, 'calendars')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    sizes = [f"{p.name}:{p.stat().st_size}" for p in sorted((PROJECT / "conf" / "calendars").glob("*.yml"))]
    assert run.stdout.split() == ["Asia/Shanghai", *sizes]
