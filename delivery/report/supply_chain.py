"""The third part of the report: image size, packages, licences and vulnerabilities, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from delivery.report.markdown import Section, Table, code
from delivery.sbom import Bom, Component
from delivery.unit import DeliveryError

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")
"""Trivy's, the worst first."""


class Vulnerability(msgspec.Struct, frozen=True, rename="pascal"):
    """What a scan found in a package of an image."""

    vulnerability_id: str = msgspec.field(name="VulnerabilityID")
    pkg_name: str
    installed_version: str = ""
    fixed_version: str = ""
    severity: str = "UNKNOWN"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return SEVERITIES.index(self.severity) if self.severity in SEVERITIES else len(SEVERITIES)


class _Result(msgspec.Struct, rename="pascal"):
    vulnerabilities: list[Vulnerability] | None = None


class _Scan(msgspec.Struct, rename="pascal"):
    """The document of ``trivy image --format json``; one without a finding has no results."""

    schema_version: int
    results: list[_Result] | None = None


@dataclass(frozen=True)
class Side:
    """What is known of one image: None where it was not looked at. ``bytes`` is the size of the compressed layers."""

    bytes: int | None = None
    bom: Bom | None = None
    vulnerabilities: list[Vulnerability] | None = None


def read_scan(file: Path) -> list[Vulnerability]:
    """The findings in the JSON of a Trivy scan; raises DeliveryError for another document."""
    try:
        scan = msgspec.json.decode(file.read_bytes(), type=_Scan)
    except msgspec.MsgspecError as error:
        raise DeliveryError(f"{file}: not the JSON of a Trivy scan ({error})") from error
    return [found for result in scan.results or [] for found in result.vulnerabilities or []]


def supply_chain_section(before: Side, after: Side) -> Section:
    """What the change does to what the image is made of."""
    return Section(
        "Supply chain",
        [_size(before.bytes, after.bytes), *_vulnerabilities(before, after), *_packages(before.bom, after.bom)],
    )


def _size(before: int | None, after: int | None) -> str:
    if after is None:
        return "Image size: not measured."
    change = f" ({after - before:+,} bytes, {(after - before) / before:+.1%})" if before else ""
    return f"Image size: {after:,} bytes compressed{change}."


def _vulnerabilities(before: Side, after: Side) -> list[str | Table]:
    if after.vulnerabilities is None:
        return ["Vulnerabilities: not scanned."]
    known = {(each.vulnerability_id, each.pkg_name) for each in before.vulnerabilities or []}
    now = {(each.vulnerability_id, each.pkg_name) for each in after.vulnerabilities}
    new = sorted(
        (each for each in after.vulnerabilities if (each.vulnerability_id, each.pkg_name) not in known),
        key=lambda each: (each.rank, each.pkg_name, each.vulnerability_id),
    )
    against = "" if before.vulnerabilities is not None else " (there is no scan to compare with, so all are listed)"
    summary = f"Vulnerabilities: {len(now)}, of them {len(new)} new, {len(known - now)} gone{against}."
    rows = [
        [
            f"**{each.severity.lower()}**" if each.rank < SEVERITIES.index("MEDIUM") else code(each.severity.lower()),
            code(each.vulnerability_id),
            code(f"{each.pkg_name} {each.installed_version}"),
            code(each.fixed_version),
        ]
        for each in new
    ]
    return [summary, Table(["severity", "vulnerability", "package", "fixed in"], rows)] if rows else [summary]


def _packages(before: Bom | None, after: Bom | None) -> list[str | Table]:
    """Packages added, removed and moved, those whose licence changes first."""
    if after is None:
        return ["Packages: no bill of materials."]
    if before is None:
        return [f"Packages: {len(after.packages)}; there is no bill of materials to compare with."]
    old, new = before.packages, after.packages
    pairs = {name: (_known(old.get(name)), _known(new.get(name))) for name in {**old, **new}}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if not changed:
        return [f"Packages: the same {len(new)}, under the same licences."]
    relicensed = {name for name, ((_, was), (_, now)) in changed.items() if was != now}
    rows = [
        [code(name), _change(*(version for version, _ in pair)), _change(*(licence for _, licence in pair))]
        for name, pair in sorted(changed.items(), key=lambda item: (item[0] not in relicensed, item[0].lower()))
    ]
    summary = f"Packages: {len(new)}, of them {len(changed)} changed; {len(relicensed)} changes of licence."
    return [summary, Table(["package", "version", "licence"], rows)]


def _known(package: Component | None) -> tuple[str, str]:
    """The version and licence, empty where there is no such package."""
    return (package.version, package.license) if package else ("", "")


def _change(before: str, after: str) -> str:
    return code(after) if before == after else f"{code(before)} → {code(after)}"
