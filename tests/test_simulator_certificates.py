from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kiosk.errors import UsageError
from kiosk.simulator.certificates import prepare
from tests.strangers import public_pem, rsa_key

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def names(chain: Path) -> list[str]:
    extension = x509.load_pem_x509_certificate(chain.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


def test_the_authority_outlives_a_restart_and_the_server_does_not(tmp_path: Path) -> None:
    """A second start keeps the authority to the byte, and certifies a fresh server key."""
    ca_file, chain = prepare(tmp_path / "state", "127.0.0.1", NOW)
    authority, server = ca_file.read_bytes(), chain.read_bytes()
    assert prepare(tmp_path / "state", "127.0.0.1", NOW + timedelta(days=900)) == (ca_file, chain)
    assert ca_file.read_bytes() == authority
    assert chain.read_bytes() != server


def test_private_keys_are_the_owner_s(tmp_path: Path) -> None:
    """Keys are 0600; only the authority's certificate may be read by all. Nothing else is left behind."""
    prepare(tmp_path, "127.0.0.1", NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"ca.key.pem": 0o600, "server.pem": 0o600, "ca.pem": 0o644}


@pytest.mark.parametrize(
    ("host", "more"), [("127.0.0.1", []), ("0.0.0.0", []), ("", []), ("192.0.2.7", ["192.0.2.7"]), ("rsz.example", ["rsz.example"])]
)
def test_the_server_is_certified_for_this_machine_and_its_host(tmp_path: Path, host: str, more: list[str]) -> None:
    """Localhost and both loopback addresses always, and what is bound unless that is everything."""
    _, chain = prepare(tmp_path, host, NOW)
    assert names(chain) == ["localhost", "127.0.0.1", "::1", *more]


def test_strict_verifiers_are_content(tmp_path: Path) -> None:
    """The server's certificate verifies below the authority under VERIFY_X509_STRICT, the default since Python 3.13."""
    ca_file, chain = prepare(tmp_path, "127.0.0.1", datetime.now(UTC))
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(chain)
    client_side = ssl.create_default_context(cafile=ca_file)
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    client = client_side.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert client.version() in ("TLSv1.2", "TLSv1.3")


def test_an_expired_authority_is_told(tmp_path: Path) -> None:
    """It is never replaced in silence, since clients would lose their trust: the error names the repair."""
    prepare(tmp_path, "127.0.0.1", NOW)
    with pytest.raises(UsageError, match=r"expired[\s\S]*delete"):
        prepare(tmp_path, "127.0.0.1", NOW + timedelta(days=3651))


@pytest.mark.parametrize("name", ["ca.pem", "ca.key.pem"])
def test_foreign_files_are_told(tmp_path: Path, name: str) -> None:
    """Garbage under these names is a usage error that does not show what it held."""
    prepare(tmp_path, "127.0.0.1", NOW)
    (tmp_path / name).write_text("garbage")
    with pytest.raises(UsageError, match=r"can't be used") as error:
        prepare(tmp_path, "127.0.0.1", NOW)
    assert "garbage" not in str(error.value)


def test_a_foreign_kind_of_key_is_told(tmp_path: Path) -> None:
    """An authority whose key is of another kind is not ours."""
    prepare(tmp_path, "127.0.0.1", NOW)
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ca.key.pem").write_bytes(key)
    with pytest.raises(UsageError, match="foreign"):
        prepare(tmp_path, "127.0.0.1", NOW)


def test_a_directory_that_is_none_is_told(tmp_path: Path) -> None:
    """Where a file stands in the way there is no directory."""
    (tmp_path / "file").write_bytes(public_pem(rsa_key()))
    with pytest.raises(UsageError, match=r"can't be used"):
        prepare(tmp_path / "file", "127.0.0.1", NOW)
