"""What the report says of what an image is made of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from delivery.report.markdown import render
from delivery.report.supply_chain import Side, Vulnerability, read_scan, supply_chain_section
from delivery.sbom import Bom, Component, License, LicenseChoice
from delivery.unit import DeliveryError


def told(before: Side, after: Side) -> str:
    """The section as text."""
    return render([supply_chain_section(before, after)])


def found(number: int, severity: str = "HIGH", package: str = "openssl") -> Vulnerability:
    """A made-up vulnerability."""
    return Vulnerability(f"CVE-2026-{number:04}", package, "1.0", "1.1", severity)


def bom(**packages: tuple[str, str]) -> Bom:
    """Packages: name → (version, licence)."""
    return Bom([
        Component(name, version=version, licenses=[LicenseChoice(license=License(id=licence))])
        for name, (version, licence) in packages.items()
    ])  # fmt: skip


def test_only_new_vulnerabilities_are_listed_the_worst_first() -> None:
    before = Side(vulnerabilities=[found(1), found(2)])
    after = Side(vulnerabilities=[found(2), found(3, "LOW"), found(4, "CRITICAL"), found(5, "STRANGE")])
    text = told(before, after)
    assert "Vulnerabilities: 4, of them 3 new, 1 gone." in text
    rows = [line for line in text.splitlines() if "CVE" in line]
    assert [row.split("`CVE-2026-")[1][:4] for row in rows] == ["0004", "0003", "0005"]
    assert rows[0] == "| **critical** | `CVE-2026-0004` | `openssl 1.0` | `1.1` |"


def test_a_vulnerability_known_in_one_package_is_new_in_another() -> None:
    text = told(Side(vulnerabilities=[found(1)]), Side(vulnerabilities=[found(1), found(1, package="libssl")]))
    assert "1 new, 0 gone" in text
    assert "`libssl 1.0`" in text


def test_what_was_not_looked_at_is_not_called_clean() -> None:
    text = told(Side(), Side())
    assert "not scanned" in text
    assert "not measured" in text
    assert "no bill of materials" in text
    assert "so all are listed" in told(Side(), Side(vulnerabilities=[found(1)]))


def test_the_size_is_compared() -> None:
    assert "Image size: 1,200 bytes compressed (+200 bytes, +20.0%)." in told(Side(1000), Side(1200))
    assert "Image size: 1,200 bytes compressed." in told(Side(), Side(1200))


def test_changes_of_licence_stand_before_changes_of_version() -> None:
    before = bom(alpha=("1", "MIT"), beta=("1", "MIT"), gone=("1", "BSD"), same=("1", "MIT"))
    after = bom(alpha=("2", "MIT"), beta=("1", "AGPL-3.0"), new=("1", "ISC"), same=("1", "MIT"))
    text = told(Side(bom=before), Side(bom=after))
    assert "Packages: 4, of them 4 changed; 3 changes of licence." in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `beta` | `1` | `MIT` → `AGPL-3.0` |",
        "| `gone` | `1` → — | `BSD` → — |",
        "| `new` | — → `1` | — → `ISC` |",
        "| `alpha` | `1` → `2` | `MIT` |",
    ]
    assert "the same 4, under the same licences" in told(Side(bom=before), Side(bom=before))


def test_a_scan_is_read_as_trivy_writes_it(tmp_path: Path) -> None:
    """The form of Trivy's JSON report, schema version 2; a target without a finding has no list."""
    entry = {
        "VulnerabilityID": "CVE-2026-0001", "PkgName": "zlib1g", "InstalledVersion": "1.2", "FixedVersion": "1.3",
        "Severity": "HIGH", "Title": "…", "References": [],
    }  # fmt: skip
    document = {"SchemaVersion": 2, "Results": [{"Target": "debian", "Vulnerabilities": [entry]}, {"Target": "python"}]}
    (tmp_path / "scan.json").write_text(json.dumps(document))
    assert read_scan(tmp_path / "scan.json") == [Vulnerability("CVE-2026-0001", "zlib1g", "1.2", "1.3", "HIGH")]
    (tmp_path / "clean.json").write_text('{"SchemaVersion": 2}')
    assert read_scan(tmp_path / "clean.json") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Results": []}', '{"SchemaVersion": 2, "Results": 1}'])
def test_a_document_that_is_no_scan_is_not_taken_for_a_clean_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "scan.json").write_text(text)
    with pytest.raises(DeliveryError, match="not the JSON of a Trivy scan"):
        read_scan(tmp_path / "scan.json")
