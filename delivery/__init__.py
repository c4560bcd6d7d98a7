"""Delivery: the release unit, its verification and promotion, and what a pull request changes."""
