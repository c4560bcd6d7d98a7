"""Settings from environment variables, and the table that documents them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, from_environment, table


def test_an_empty_environment_gives_the_defaults() -> None:
    assert from_environment({}) == Settings()


def test_every_type_is_read_from_text() -> None:
    settings = from_environment(
        {
            "MODEL_PATH": "elsewhere",
            "PORT": "9000",
            "METRICS_PORT": "9001",
            "RELEASE": "r-1",
            "DRAIN_SECONDS": "2.5",
            "LATENCY_BUCKETS": "0.1, 0.5,1",
        }
    )
    expected = Settings("elsewhere", port=9000, metrics_port=9001, release="r-1", drain_seconds=2.5)
    assert settings == Settings(
        **{name: getattr(expected, name) for name in expected.__struct_fields__ if name != "latency_buckets"},
        latency_buckets=(0.1, 0.5, 1.0),
    )


def test_an_empty_variable_counts_as_unset_and_unknown_ones_belong_to_others() -> None:
    assert from_environment({"PORT": "", "RELEASE": " ", "SOMEBODY_ELSES": "x"}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("WORKERS", "0"),
        ("WORKERS", "1.5"),
        ("METRICS_PORT", "0"),
        ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "1MB"),
        ("DRAIN_SECONDS", "nan"),
        ("DRAIN_SECONDS", "inf"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
        ("DRIFT_FEATURES", "-1"),
        ("ACCESS_LOG_SAMPLE", "1.1"),
        ("LOG_FEATURES", "perhaps"),
        ("OTLP_ENDPOINT", "collector:4318"),
        ("LATENCY_BUCKETS", "0.1,x"),
        ("LATENCY_BUCKETS", "0.5,0.1"),
        ("LATENCY_BUCKETS", "0.1,0.1"),
        ("LATENCY_BUCKETS", ","),
    ],
)
def test_a_bad_value_is_refused_in_one_line_with_its_name_and_default(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        from_environment({name: value})
    message = str(refusal.value)
    assert message.startswith(f"{name}='{value}': ")
    assert "default" in message
    assert "\n" not in message


def test_the_documented_table_is_the_settings(repository: Path) -> None:
    assert table() in (repository / "docs" / "settings.md").read_text()


def test_help_prints_the_table(repository: Path) -> None:
    answer = subprocess.run([sys.executable, "-m", "app", "--help"], cwd=repository, capture_output=True, text=True)
    assert answer.returncode == 0
    assert table() in answer.stdout


def test_an_argument_is_refused_with_the_usage(repository: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "app", "--port", "1"], cwd=repository, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "environment variables" in answer.stdout
