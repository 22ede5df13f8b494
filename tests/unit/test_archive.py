"""The archive for spark-submit: the whole library and its defaults, used from inside the zip, the same bytes each time."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import gridlens
import pytest
from gridlens.archive import build, build_wheel

PROJECT = Path(__file__).resolve().parents[2]
FROM_ZIP = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import gridlens
from gridlens.billing.book import load_tariffs
from gridlens.conffiles import packaged
from gridlens.quality.rules import load_rules
from gridlens.settings import conf_file, conf_files, load_settings
settings = load_settings("cluster", environ={})
folder = packaged()
files = {str(p.relative_to(folder)): p.read_text("utf-8") for p in folder.rglob("*") if p.suffix in (".yml", ".csv")}
rules = load_rules(conf_files(settings, "rules")).fingerprint
tariffs = load_tariffs(conf_files(settings, "tariffs")[0].parent).fingerprints
print(json.dumps([gridlens.__file__, gridlens.__version__, str(folder), files, rules, tariffs]))
"""
OPENED = """
import sys
sys.path.insert(0, sys.argv[1])
from gridlens.reports import card_templates as cards, profile_page
opened = [
    cards._environment(escape=page).get_template(f"{name}.{'html' if page else 'md'}")
    for name in ("model_card", "time_to_pay_card")
    for page in (True, False)
]
opened.append(profile_page._templates().get_template("profile.html"))
print(*(template.name for template in opened), len(cards._text("model_card.css") + cards._text("profile.css")) > 0)
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def test_it_holds_the_library_and_its_defaults(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = set(packed.namelist())
    folders = {"gridlens": PROJECT / "lib" / "gridlens", "gridlens/conf": PROJECT / "conf"}
    files = {(place, p.relative_to(folder)) for place, folder in folders.items() for p in folder.rglob("*") if p.is_file()}
    assert names == {f"{place}/{path}" for place, path in files if "__pycache__" not in path.parts and path.name[0] != "."}
    assert archive.name == f"gridlens-{gridlens.__version__}.zip"


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == archive.read_bytes()


def test_defaults_are_read_from_inside_the_zip(archive: Path, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FROM_ZIP, str(archive)], capture_output=True, text=True, check=True, cwd=tmp_path)
    module, version, folder, files, rules, tariffs = json.loads(run.stdout)
    assert module.startswith(str(archive))
    assert version == gridlens.__version__
    conf = PROJECT / "conf"
    assert files == {str(p.relative_to(conf)): p.read_text("utf-8") for p in conf.rglob("*.yml")}
    assert rules
    assert len(tariffs) == len(list((conf / "tariffs").glob("*.yml")))
    assert not Path(folder).exists(), "the temporary folder goes with the process"


def test_page_templates_open_from_inside_the_zip(archive: Path, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", OPENED, str(archive)], capture_output=True, text=True, check=True, cwd=tmp_path)
    cards = ["model_card.html", "model_card.md", "time_to_pay_card.html", "time_to_pay_card.md"]
    assert run.stdout.split() == [*cards, "profile.html", "True"]


@pytest.mark.parametrize("job", sorted(p.stem for p in (PROJECT / "jobs").glob("*.py")))
def test_every_job_takes_the_options_of_its_command(job: str, archive: Path, tmp_path: Path) -> None:
    script = PROJECT / "jobs" / f"{job}.py"
    assert len(script.read_text("utf-8").splitlines()) <= 15
    environment = {"PYTHONPATH": str(archive), "COLUMNS": "200"}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment)

    told = call("--help")
    assert told.returncode == 0
    assert f"Usage: gridlens {job} " in told.stdout
    wrong = call("--no-such-option")
    assert wrong.returncode == 2
    assert "No such option" in wrong.stderr


def test_a_databricks_wheel_installs_and_leaves_spark_to_the_platform(tmp_path: Path) -> None:
    wheel, target = build_wheel(tmp_path / "dist"), tmp_path / "site"
    offline = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, str(wheel)], check=True, capture_output=True)
    (about,) = Distribution.discover(name="gridlens", path=[str(target)])
    names = {requirement.split("=")[0].split("<")[0].split(">")[0].split("[")[0] for requirement in about.requires or []}
    assert {"pydantic", "mlflow", "typer"} <= names
    assert not {"pyspark", "delta-spark", "pytest"} & names
    assert about.version == gridlens.__version__
    assert [point.value for point in about.entry_points] == ["gridlens.cli:main"]
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from gridlens.cli import main; from gridlens.conffiles import packaged;"
        "print(packaged(), file=sys.stderr); sys.exit(main(['sources', 'list', '--json']))"
    )
    environment = {"GRIDLENS_ROOT_DIR": str(tmp_path / "root")}
    told = subprocess.run([sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=True, env=environment)
    assert told.stderr.strip() == str(target / "gridlens" / "conf")
    assert {row["file"] for row in json.loads(told.stdout)} == {path.name for path in (PROJECT / "conf" / "sources").glob("*.yml")}
