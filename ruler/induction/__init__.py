"""Induction: observations of normal footage in; rules out."""
