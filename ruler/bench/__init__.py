"""Batch evaluation: a public benchmark, or videos of one's own with labels, in; scores and measures of accuracy out."""
