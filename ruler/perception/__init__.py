"""Perception: a video in; one observation per frame out."""
