"""Deduction: observations and rules in; scores, verdicts and events out."""
