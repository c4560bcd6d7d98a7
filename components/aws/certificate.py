"""A certificate for the service's domain, issued once its owner is proven by DNS."""

from __future__ import annotations

import pulumi
from pulumi_aws import acm, route53

from components import naming
from components.spec import Environment


class Certificate(pulumi.ComponentResource):
    """Issued by ACM and renewed by it as long as the record stands.

    Output: ``arn``, known when the certificate is valid.
    """

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        domain: str,
        hosted_zone_id: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Certificate", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        certificate = acm.Certificate(
            name,
            acm.CertificateArgs(domain_name=domain, validation_method="DNS", tags=naming.tags(environment)),
            opts=child,
        )
        proof = certificate.domain_validation_options.apply(lambda options: options[0])
        record = route53.Record(
            name,
            route53.RecordArgs(
                zone_id=hosted_zone_id,
                name=proof.apply(lambda option: option.resource_record_name or ""),
                type=proof.apply(lambda option: option.resource_record_type or ""),
                records=[proof.apply(lambda option: option.resource_record_value or "")],
                ttl=300,
                allow_overwrite=True,
            ),
            opts=child,
        )
        self.arn = acm.CertificateValidation(
            name,
            acm.CertificateValidationArgs(certificate_arn=certificate.arn, validation_record_fqdns=[record.fqdn]),
            opts=child,
        ).certificate_arn
        self.register_outputs({"arn": self.arn})
