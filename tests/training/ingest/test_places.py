"""Tables elsewhere: a real web server, fsspec's memory, and a double that speaks as much of S3 as reading needs."""

from __future__ import annotations

import http.server
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from tests.training.tables import ingest
from training.errors import DataError
from training.ingest.source import default_name, shown, source_name

CSV = b"x,y\n1,a\n2,b\n"
Serve = Callable[[type[http.server.BaseHTTPRequestHandler]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers on 127.0.0.1 and returns their addresses."""
    running: list[http.server.ThreadingHTTPServer] = []

    def start(handler: type[http.server.BaseHTTPRequestHandler]) -> str:
        running.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=running[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def files(folder: Path, asked: list[str]) -> type[http.server.BaseHTTPRequestHandler]:
    """Python's own file server; ``asked`` gets the targets of the requests."""

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # pyright: ignore[reportArgumentType]  # as the server calls it

        def log_message(self, format: str, *_: object) -> None:  # noqa: ARG002 - the name is the base class's
            asked.append(self.path)

    return Files


def test_csv_and_parquet_come_from_a_web_server_with_the_token_of_the_address(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(CSV)
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_parquet(tmp_path / "t.parquet")
    asked: list[str] = []
    url = serve(files(tmp_path, asked))
    for name in ("t.csv", "t.parquet"):
        found = ingest(f"{url}/{name}?sig=s3cret%2F1#top")
        assert found.frame.to_dict("list") == {"x": [1, 2], "y": ["a", "b"]}
        assert found.name == name
    assert asked == ["/t.csv?sig=s3cret%2F1", "/t.parquet?sig=s3cret%2F1"]


def test_what_a_web_server_has_not_is_one_line_without_the_token(serve: Serve, tmp_path: Path) -> None:
    url = serve(files(tmp_path, []))
    for address, words in (
        (f"{url}/none.csv?sig=s3cret", "none.csv: no such file"),
        ("http://127.0.0.1:1/t.csv?sig=s3cret", "http://127.0.0.1:1/t.csv: "),
        (f"{url}/folder?sig=s3cret", "neither 'iris' nor a .csv"),
    ):
        with pytest.raises(DataError) as caught:
            ingest(address, remote={"timeout_seconds": 5})
        assert words in str(caught.value)
        assert "s3cret" not in str(caught.value)
        assert "\n" not in str(caught.value)


def s3(objects: dict[str, bytes]) -> type[http.server.BaseHTTPRequestHandler]:
    """A double of S3: GET and HEAD of objects, with ranges, and lists by prefix; it checks no signature."""

    class S3(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            target = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(target.query))
            if "list-type" in query:
                return self.send(
                    200,
                    self.listing(query.get("prefix", ""), query.get("delimiter")),
                    {"Content-Type": "application/xml"},
                )
            content = objects.get(urllib.parse.unquote(target.path))
            if content is None:
                return self.send(404, b"<Error><Code>NoSuchKey</Code></Error>", {})
            about = {"ETag": '"1"', "Last-Modified": "Sat, 31 Jan 2026 00:00:00 GMT"}
            if span := self.headers.get("Range"):
                first, _, last = span.removeprefix("bytes=").partition("-")
                size = len(content)
                start, end = (int(first), int(last or size - 1)) if first else (size - int(last), size - 1)
                about["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
                return self.send(206, content[start : end + 1], about)
            return self.send(200, content, about)

        def listing(self, prefix: str, delimiter: str | None) -> bytes:
            found: dict[str, str] = {}
            for key, content in sorted(objects.items()):
                name = key.removeprefix("/bucket/")
                if not name.startswith(prefix):
                    continue
                head, cut, _ = name[len(prefix) :].partition(delimiter or "\0")
                if cut:
                    found[head] = f"<CommonPrefixes><Prefix>{prefix}{head}/</Prefix></CommonPrefixes>"
                else:
                    found[name] = (
                        f"<Contents><Key>{name}</Key><Size>{len(content)}</Size><ETag>1</ETag>"
                        "<LastModified>2026-01-31T00:00:00.000Z</LastModified></Contents>"
                    )
            entries = "".join(found.values())
            return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()

        def send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, format: str, *_: object) -> None:
            pass

    return S3


def test_objects_and_folders_of_a_store_are_read_with_the_credentials_of_the_environment(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_parquet(tmp_path / "t.parquet")
    part = (tmp_path / "t.parquet").read_bytes()
    objects = {
        "/bucket/in/t.csv": CSV,
        "/bucket/sales/year=2024/0.parquet": part,
        "/bucket/sales/year=2025/0.parquet": part,
    }
    for name, value in {
        "AWS_ENDPOINT": serve(s3(objects)),
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert ingest("s3://bucket/in/t.csv").frame["x"].tolist() == [1, 2]
    folder = ingest("s3://bucket/sales")
    assert folder.frame["year"].tolist() == [2024, 2024, 2025, 2025]
    assert folder.name == "sales"
    with pytest.raises(DataError, match=r"s3://bucket/in/none\.csv: no such file"):
        ingest("s3://bucket/in/none.csv")


def test_other_addresses_of_fsspec_are_read(tmp_path: Path) -> None:
    with fsspec.open("memory://folder/t.csv", "wb") as stream:
        stream.write(CSV)  # pyright: ignore[reportAttributeAccessIssue]  # one file, as one address was given
    (tmp_path / "t.csv").write_bytes(CSV)
    for address in ("memory://folder/t.csv", f"file://{tmp_path}/t.csv"):
        assert ingest(address).frame["y"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "said", "name", "model"),
    [
        ("iris", "iris", "scikit-learn iris", "iris"),
        ("/home/ana/My Loans?.csv", "/home/ana/My Loans?.csv", "My Loans?.csv", "my-loans"),
        ("s3://bucket/sales/", "s3://bucket/sales/", "sales", "sales"),
        ("https://host/a/t.csv?sig=s3cret", "https://host/a/t.csv", "t.csv", "t"),
        (
            "postgresql://ana:s3cret@db:5432/shop?sslmode=require",  # pragma: allowlist secret
            "postgresql://ana@db:5432/shop",
            "shop",
            "shop",
        ),
    ],
)
def test_a_source_is_shown_and_named_without_secrets_and_directories(
    source: str, said: str, name: str, model: str
) -> None:
    assert (shown(source), source_name(source), default_name(source)) == (said, name, model)
