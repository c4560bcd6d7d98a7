# Debian's Alertmanager under the name that prom/alertmanager gives it, for machines that reach no registry.
ARG BASE_IMAGE=python:3.11-slim-bookworm
FROM ${BASE_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus-alertmanager \
 && ln -s /usr/bin/prometheus-alertmanager /usr/bin/alertmanager \
 && mkdir -p /alertmanager && chown nobody:nogroup /alertmanager
