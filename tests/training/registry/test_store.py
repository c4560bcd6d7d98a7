"""A tracking store as the clouds give it: a database that insists on TLS, and a password that does not last."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.tracking import DATABASE
from tests.training.postgres import Postgres, running
from tests.training.registry.conftest import Desk
from tests.training.registry.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.mlflow, pytest.mark.timeout(1200)]
USER = "server@project.iam"  # as Cloud SQL calls a service account; in an address the @ is %40


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "database")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    paths = folder / "server.crt", folder / "server.key"
    paths[0].write_bytes(certificate.public_bytes(pem))
    paths[1].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    paths[1].chmod(0o600)
    return paths


class Store:
    """The database of ``postgres``, and the password file of whoever uses it."""

    def __init__(self, postgres: Postgres, directory: Path, authority: Path) -> None:
        self._postgres, self._file = postgres, directory / "pgpass"
        self.url = f"postgresql://{USER.replace('@', '%40')}@127.0.0.1:{postgres.port}/{DATABASE}?sslmode=verify-full"
        self.variables = {"PGPASSFILE": str(self._file), "PGSSLROOTCERT": str(authority)}

    def administrate(self, *statements: str) -> None:
        """Carry out what only its administrator may."""
        with psycopg.connect(self._postgres.full_url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rotate(self, password: str) -> None:
        """Give the user another password and end what is open, as a failover does."""
        self.administrate(
            f"""ALTER ROLE "{USER}" PASSWORD '{password}'""",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'",
        )

    def write_down(self, password: str) -> None:
        """Rewrite the password file."""
        self._file.touch(mode=0o600)
        self._file.write_text(f"*:*:*:*:{password}\n")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that takes no connection without TLS."""
    certificate, key = certify(tmp_path)
    (tmp_path / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    settings = ("ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key", "ssl_min_protocol_version=TLSv1.2")
    with running(*settings, files=(certificate, key, tmp_path / "pg_hba.conf")) as postgres:
        found = Store(postgres, tmp_path, certificate)
        found.administrate(
            f"""CREATE ROLE "{USER}" LOGIN PASSWORD 'first'""", f'CREATE DATABASE {DATABASE} OWNER "{USER}"'
        )
        yield found


def test_a_rotated_password_is_read_from_its_file_without_a_restart(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_down("first")
    server = Server(store.url, tmp_path, store.variables)
    try:
        server.start()
        desk = Desk(tmp_path / "artifacts", server.uri)
        desk.ok("retrain", "--promote")
        assert desk.state(monkeypatch) == ([desk.current], desk.current, None, 0)
        store.rotate("second")
        assert "waits for the next training" in desk.ok("retrain", "--promote", "--seed", "7")
        store.write_down("second")
        desk.ok("sync", desk.name)
        versions, champion, _, waiting = desk.state(monkeypatch)
        assert (len(versions), champion, waiting) == (2, desk.current, 0)
    finally:
        server.kill()


def test_the_database_takes_no_connection_in_plain(store: Store) -> None:
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(store.url.replace("verify-full", "disable"), password="first").close()


def test_the_address_refuses_a_server_that_another_authority_vouches_for(tmp_path: Path, store: Store) -> None:
    (tmp_path / "other").mkdir()
    other, _ = certify(tmp_path / "other")
    with psycopg.connect(store.url, password="first", sslrootcert=store.variables["PGSSLROOTCERT"]) as connection:
        assert connection.pgconn.ssl_in_use
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(store.url, password="first", sslrootcert=str(other)).close()
