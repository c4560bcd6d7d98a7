"""Where callers come in: the listener that checks their tokens and shares their requests between the releases."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_aws import lb

from components import naming
from components.aws.load_balancer import HTTP, HTTPS, LoadBalancer
from components.aws.settings import Settings
from components.release import Traffic
from components.spec import Authentication, Environment, ServiceSpec


class Entrance(pulumi.ComponentResource):
    """The public listener. It comes after the ``services``, so weights move only onto running releases,
    and a candidate that is taken away gets no more traffic when its service is deleted at the end of the update.

    With a certificate port 80 does nothing but point to HTTPS.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        balancer: LoadBalancer,
        traffic: Traffic,
        services: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Entrance", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=services)
        endpoint = balancer.endpoint
        tags = naming.tags(environment)
        encrypted = endpoint.port == HTTPS
        checks = [_token_check(spec.authentication, settings)] if spec.authentication else []
        forward = lb.ListenerDefaultActionArgs(
            type="forward",
            order=2 if checks else None,
            forward=lb.ListenerDefaultActionForwardArgs(
                target_groups=[
                    lb.ListenerDefaultActionForwardTargetGroupArgs(
                        arn=balancer.target_groups[release].arn, weight=weight
                    )
                    for release, weight in zip(("stable", "candidate"), traffic.weights, strict=True)
                ]
            ),
        )
        lb.Listener(
            name,
            lb.ListenerArgs(
                load_balancer_arn=balancer.arn,
                port=endpoint.port,
                protocol=endpoint.protocol,
                certificate_arn=endpoint.certificate_arn,
                ssl_policy=endpoint.ssl_policy,
                routing_http_response_server_enabled=False,
                routing_http_response_strict_transport_security_header_value="max-age=31536000" if encrypted else None,
                default_actions=[*checks, forward],
                tags=tags,
            ),
            opts=child,
        )
        if encrypted:
            redirect = lb.ListenerDefaultActionRedirectArgs(protocol="HTTPS", port=str(HTTPS), status_code="HTTP_301")
            lb.Listener(
                f"{name}-redirect",
                lb.ListenerArgs(
                    load_balancer_arn=balancer.arn,
                    port=HTTP,
                    protocol="HTTP",
                    default_actions=[lb.ListenerDefaultActionArgs(type="redirect", redirect=redirect)],
                    tags=tags,
                ),
                opts=child,
            )
        self.register_outputs({})


def _token_check(authentication: Authentication, settings: Settings) -> lb.ListenerDefaultActionArgs:
    """Refuse a request without a valid token; signature, ``iss``, ``exp``, and if present ``nbf`` and ``iat``, are
    always checked, RS256 only (docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-verify-jwt.html).
    """
    keys = settings.jwks_url or f"{authentication.issuer.rstrip('/')}/.well-known/jwks.json"
    audience = lb.ListenerDefaultActionJwtValidationAdditionalClaimArgs(
        name="aud", format="single-string", values=[authentication.audience]
    )
    return lb.ListenerDefaultActionArgs(
        type="jwt-validation",
        order=1,
        jwt_validation=lb.ListenerDefaultActionJwtValidationArgs(
            issuer=authentication.issuer, jwks_endpoint=keys, additional_claims=[audience]
        ),
    )
