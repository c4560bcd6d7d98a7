# Debian's Alertmanager in the shape of prom/alertmanager, for machines that reach no registry.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus-alertmanager \
 && mkdir -p /alertmanager && chown nobody:nogroup /alertmanager
USER nobody
VOLUME /alertmanager
EXPOSE 9093
ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]
