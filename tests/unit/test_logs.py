"""Secrets, identity-card and telephone numbers never reach a log line, in messages, arguments or tracebacks; figures do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridlens.errors import PlatformError
from gridlens.logs import java_log_options, log_path, redact, set_up_logging
from gridlens.settings import Settings, load_settings

KEY = "canary-key-0123456789"


@pytest.fixture
def logged_settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Settings]:
    environ = {"GRIDLENS_PSEUDONYM_KEY": KEY, "GRIDLENS_LOG_FORMAT": getattr(request, "param", "plain")}
    settings = load_settings("local", overrides={"root_dir": str(tmp_path)}, environ=environ)
    set_up_logging(settings)
    yield settings
    for name in ("gridlens", "py.warnings", "pyspark", "mlflow"):
        logger = logging.getLogger(name)
        for handler in [h for h in logger.handlers if isinstance(h, logging.FileHandler)]:
            logger.removeHandler(handler)
            handler.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 13812345678 now", "call *** now"),
        ("call +86 138-1234-5678", "call ***"),
        ("call 8613812345678", "call ***"),
        ("call 0571-88888888", "call ***"),
        ("电话13812345678。", "电话***。"),
        ("id 11010119900307231X.", "id ***."),
        ("password=hunter2 user=x", "password=*** user=x"),
        ('{"api_key": "zz zz", "a": 1}', '{"api_key": ***, "a": 1}'),
        ("spark.hadoop.fs.s3a.secret.key = abc", "spark.hadoop.fs.s3a.secret.key = ***"),
        ("jdbc:postgresql://me:pw@host/db", "jdbc:postgresql://me:***@host/db"),
        ("Authorization: Bearer abcdefghijk", "Authorization: Bearer ***"),
    ],
)
def test_what_is_blotted_out(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "interval_day: 12345678901 rows in 20260331",
        "account 3300013812345678 of the province",  # 16 digits, no telephone number inside a longer id
        "energy 1.13812345678 kWh, 138123456789 bytes, 0.13812345678",
        "2026-11-21T04:05:06.123+00:00",
        "keys: account_id, valid_from; key=5",
    ],
)
def test_figures_and_ids_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("logged_settings", ["plain", "json"], indirect=True)
def test_messages_arguments_and_tracebacks_are_redacted(logged_settings: Settings) -> None:
    log = logging.getLogger("gridlens.test")
    log.info("customer %s with %s", "13812345678", f"the key {KEY}")
    try:
        raise ValueError("cannot cast 13912345678")
    except ValueError:
        log.exception("it failed")
    text = log_path(logged_settings).read_text(encoding="utf-8")
    assert "ValueError: cannot cast ***" in text
    assert not [canary for canary in ("13812345678", "13912345678", KEY) if canary in text]
    if logged_settings.log_format == "json":
        entries = [json.loads(line) for line in text.splitlines()]
        assert [e["level"] for e in entries] == ["INFO", "ERROR"]
        assert "Traceback" in entries[1]["traceback"]


def test_setting_up_twice_writes_each_line_once(logged_settings: Settings) -> None:
    set_up_logging(logged_settings)
    logging.getLogger("gridlens").info("once")
    assert log_path(logged_settings).read_text(encoding="utf-8").count("once") == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    with pytest.raises(PlatformError, match=r"gridlens\.log cannot be written .*: choose another folder with --root-dir"):
        set_up_logging(load_settings("local", overrides={"root_dir": str(tmp_path)}, environ={}))


def test_java_gets_its_log_file_beside_the_user_s_own_options(logged_settings: Settings) -> None:
    own = logged_settings.model_copy(update={"spark": {"spark.driver.extraJavaOptions": "-Dx=1"}})
    options = java_log_options(own)["spark.driver.extraJavaOptions"].split()
    assert options[0] == "-Dx=1"
    assert Path(options[1].removeprefix("-Dlog4j2.configurationFile=file://")).is_file()
