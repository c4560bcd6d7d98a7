"""Grafana's dashboards of the service, made with Grafana's own SDK from the objectives that the rules are made from.

The SDK belongs to the extra ``local``; nothing but this package and what imports it needs it.
"""
