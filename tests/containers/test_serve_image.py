"""The serving image: what is in it, and what it does in a hardened container."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]
NOT_IN_THE_IMAGE = [
    "ziglang",
    "sklearn",
    "joblib",
    "pandas",
    "onnx",
    "pip",
    "setuptools",
    "pulumi",
    "pytest",
    "training",
]


@pytest.fixture(scope="session")
def example(trained: Path, version: str) -> dict[str, Any]:
    """The manifest's example: a row and the answer to it."""
    return json.loads((trained / "artifacts/iris" / version / "manifest.json").read_text())["example"]


def test_a_hardened_container_predicts(
    engine: Any, service: Callable[..., str], version: str, example: dict[str, Any]
) -> None:
    container = service("--env=RELEASE=release-7")
    answer = httpx.post(f"{engine.address(container)}/predict", json=example["instance"]).json()
    assert answer["prediction"] == example["prediction"]
    assert list(answer["probabilities"].values()) == pytest.approx(example["probabilities"])
    assert answer["model_version"] == version
    assert httpx.get(f"{engine.address(container)}/health").json()["release"] == "release-7"


def test_the_image_carries_the_console_and_the_report(engine: Any, service: Callable[..., str]) -> None:
    url = engine.address(service())
    for path in ("/", "/console/main.js", "/model/report"):
        assert httpx.get(f"{url}{path}").status_code == 200, path


def test_the_process_is_not_root_and_can_write_nowhere_but_tmp(engine: Any, service: Callable[..., str]) -> None:
    container = service()
    read = "print(open('/proc/1/status').read())"
    lines = engine("exec", container, "python", "-c", read).stdout.strip().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert set(status["Uid"].split()) == {"10001"}
    assert (status["CapEff"], status["NoNewPrivs"]) == ("0" * 16, "1")
    program = "import os; print([p for p in ('/', '/srv', '/model', '/opt/venv', '/tmp') if os.access(p, os.W_OK)])"
    assert engine("exec", container, "python", "-c", program).stdout.strip() == "['/tmp']"


def test_several_workers_serve_in_a_hardened_container(
    engine: Any, service: Callable[..., str], example: dict[str, Any]
) -> None:
    container = service("--env=WORKERS=2")
    url = engine.address(container)
    for _ in range(20):
        assert httpx.post(f"{url}/predict", json=example["instance"]).status_code == 200
    metrics = httpx.get(f"{url}/metrics").text
    counts = [
        float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("api_requests_total{") and 'endpoint="/predict"' in line
    ]
    assert sum(counts) == 20


def test_the_health_check_of_the_image_reports_healthy(
    engine: Any, service: Callable[..., str], until: Callable[..., None]
) -> None:
    container = service()
    until(
        lambda: engine.inspect(container)["State"]["Health"]["Status"] == "healthy",
        lambda: json.dumps(engine.inspect(container)["State"]),
    )


def test_the_engine_restarts_a_killed_process(
    engine: Any, image: str, service: Callable[..., str], until: Callable[..., None]
) -> None:
    container = service("--restart=unless-stopped")
    process = engine.inspect(container)["State"]["Pid"]
    # `docker kill` would count as stopping by hand; a process that dies by itself is what is meant. The helper sees
    # the engine's processes also where the engine runs in a virtual machine.
    helper = ("run", "--rm", "--label", engine.label, "--pid=host", "--user=0", "--entrypoint=python", image)
    engine(*helper, "-c", f"import os, signal; os.kill({process}, signal.SIGKILL)")

    def serves_again() -> bool:
        if engine.inspect(container)["RestartCount"] != 1:
            return False
        try:
            return httpx.get(f"{engine.address(container)}/health").status_code == 200
        except httpx.TransportError:
            return False

    until(serves_again, lambda: engine("logs", container).stderr)


def test_a_stopped_container_exits_with_status_0(engine: Any, service: Callable[..., str]) -> None:
    container = service()
    engine("stop", "--time=30", container)
    assert engine.inspect(container)["State"]["ExitCode"] == 0


def test_a_missing_model_ends_the_container_with_one_line_that_names_it(engine: Any, image: str) -> None:
    done = engine("run", "--rm", "--label", engine.label, "--env=MODEL_PATH=/nowhere", image, check=False)
    assert done.returncode == 1
    [line] = (done.stdout + done.stderr).splitlines()
    assert "/nowhere: no such directory" in line


def test_the_image_holds_no_training_code_no_pip_and_no_second_copy_of_anything(engine: Any, image: str) -> None:
    program = f"import importlib.util; print([name for name in {NOT_IN_THE_IMAGE} if importlib.util.find_spec(name)])"
    assert engine("run", "--rm", "--label", engine.label, image, "python", "-c", program).stdout.strip() == "[]"
    program = (
        "import pathlib\n"
        "for top in map(pathlib.Path, ('/srv', '/model', '/out', '/artifacts')):\n"
        "    print(*([top, *top.rglob('*')] if top.exists() else []), sep='\\n')"
    )
    listing = engine("run", "--rm", "--label", engine.label, image, "python", "-c", program)
    pages = ("/srv/app/console/static/", "/srv/app/docs/static/")
    names = {
        Path(line).name
        for line in filter(None, listing.stdout.splitlines())
        if not line.endswith((".py", ".pyc")) and not line.startswith(pages)
    }
    assert names == {
        "srv", "app", "arrow", "console", "docs", "grpc", "static", "v2", "__pycache__", "kernel", "trees.c",
        "trees.so", "model", "model.onnx", "trees.bin", "manifest.json", "report.html", "release.json",
    }  # fmt: skip


def test_of_the_programs_of_its_base_python_alone_is_left(engine: Any, image: str) -> None:
    program = (
        "import os\n"
        "for folder, _, names in os.walk('/'):\n"
        "    if folder.startswith(('/proc', '/sys', '/dev')): continue\n"
        "    for path in (os.path.join(folder, name) for name in names if '.so' not in name):\n"
        "        if os.access(path, os.X_OK) and open(path, 'rb').read(4) == b'\\x7fELF': print(os.path.realpath(path))"
    )
    found = engine("run", "--rm", "--label", engine.label, "--user=0", image, "python", "-c", program).stdout.split()
    assert found
    assert {Path(path).name.rstrip("0123456789.") for path in found} == {"python"}
    for name in ("sh", "bash", "apt", "dpkg", "perl", "busybox", "curl"):
        command = ("run", "--rm", "--label", engine.label, f"--entrypoint={name}", image)
        assert engine(*command, check=False).returncode == 127, name


def test_of_its_base_the_image_keeps_what_a_service_and_a_scanner_need(engine: Any, image: str) -> None:
    program = (
        "import json, os, pwd, ssl, zoneinfo\n"
        "authorities = ssl.create_default_context().cert_store_stats()['x509_ca']\n"
        "files = [path for path in ('/etc/os-release', '/var/lib/dpkg/status') if os.path.getsize(path)]\n"
        "zone = str(zoneinfo.ZoneInfo('Europe/Berlin'))\n"
        "print(json.dumps([oct(os.stat('/tmp').st_mode), pwd.getpwuid(0).pw_name, zone, authorities > 50, len(files)]))"
    )
    found = engine("run", "--rm", "--label", engine.label, image, "python", "-c", program).stdout
    assert json.loads(found) == ["0o41777", "root", "Europe/Berlin", True, 2]


def test_forests_are_predicted_by_the_kernel_and_its_compiler_stayed_behind(
    engine: Any, image: str, service: Callable[..., str]
) -> None:
    assert 'model_engine_info{engine="trees"} 1.0' in httpx.get(f"{engine.address(service())}/metrics").text
    program = "import shutil; print([name for name in ('cc', 'gcc', 'clang', 'zig', 'ld') if shutil.which(name)])"
    assert engine("run", "--rm", "--label", engine.label, image, "python", "-c", program).stdout.strip() == "[]"


def test_the_image_holds_no_secret(engine: Any, image: str, canary: bytes) -> None:
    environment = {entry.split("=")[0] for entry in engine.inspect(image)["Config"]["Env"]}
    assert environment <= {
        "PATH", "LANG", "GPG_KEY", "PYTHON_VERSION", "PYTHON_SHA256", "HOME", "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE", "HOST", "PORT", "MODEL_PATH",
    }  # fmt: skip
    with subprocess.Popen([engine.program, "save", image], stdout=subprocess.PIPE) as save:
        assert save.stdout is not None
        overlap = b""
        while block := save.stdout.read(1 << 20):
            assert canary not in overlap + block
            overlap = block[-len(canary) :]
    assert save.returncode == 0


def test_the_labels_name_the_model_its_version_and_the_licence(engine: Any, image: str, version: str) -> None:
    labels = engine.inspect(image)["Config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == "mlplatform iris"
    assert labels[f"{prefix}version"] == version
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert labels[f"{prefix}revision"]


def test_the_image_is_little_larger_than_its_base(
    engine: Any, image: str, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = engine.inspect(image)["Size"]
    base = engine.inspect(engine.base or "python:3.11-slim-bookworm")["Size"]
    (repository / "build").mkdir(exist_ok=True)
    figures = {"image_bytes": size, "base_bytes": base}
    (repository / "build" / "serve-image.json").write_text(json.dumps(figures, indent=2) + "\n")
    with capsys.disabled():
        print(f"\nserving image: {size / 1e6:.0f} MB, where its base has {base / 1e6:.0f} MB")
    assert size < 350e6


def test_building_again_from_nothing_gives_the_same_layers(
    engine: Any, image: str, trained: Path, version: str
) -> None:
    name = f"{engine.name}-again"
    engine.make(trained, "image", f"IMAGE={name}", f"DOCKER_ARGS=--no-cache --label {engine.label}")
    again = engine.inspect(f"{name}:{version}")
    assert again["RootFS"]["Layers"] == engine.inspect(image)["RootFS"]["Layers"]
    assert again["Config"] == engine.inspect(image)["Config"]


def test_without_a_trained_model_the_build_says_what_to_do(
    engine: Any, copy_of_the_repository: Callable[[], Path]
) -> None:
    directory = copy_of_the_repository()
    made = engine.make(directory, "image", check=False)
    assert made.returncode != 0
    assert "no model in artifacts/iris; make train first" in made.stderr
    base = ("--build-arg", f"BASE_IMAGE={engine.base}") if engine.base else ()
    built = engine.run([engine.program, "build", *base, str(directory)], check=False)
    assert built.returncode != 0
    assert "no model artifacts/iris/: make train first" in built.stdout + built.stderr


def test_a_model_that_was_altered_is_not_packed(
    engine: Any, trained: Path, version: str, copy_of_the_repository: Callable[[], Path]
) -> None:
    directory = copy_of_the_repository()
    subprocess.run(["cp", "-r", trained / "artifacts", directory / "artifacts"], check=True)
    model = directory / "artifacts/iris" / version / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    made = engine.make(directory, "image", f"IMAGE={engine.name}-altered", check=False)
    assert made.returncode != 0
    assert "altered or truncated" in made.stdout + made.stderr
