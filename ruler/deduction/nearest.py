"""Captions of normal footage in; for any caption, the most similar ones out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer


class NearestCaptions:
    """Finds the normal captions that share most of the telling words with a caption.

    Similarity is the cosine of tf-idf vectors of words and pairs of words; no model is asked.

    Args:
        captions: of normal footage; equal ones count once. At least one must hold a word.
        count: how many are given.
    """

    def __init__(self, captions: Sequence[str], count: int) -> None:
        self._captions = list(dict.fromkeys(captions))
        self._count = count
        self._vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        self._matrix = self._vectors.fit_transform(self._captions)
        self._find = lru_cache(maxsize=4096)(self._found)

    def __call__(self, caption: str) -> tuple[str, ...]:
        """The `count` nearest, the most similar first; equal ones in the order they were given."""
        return self._find(caption)

    def _found(self, caption: str) -> tuple[str, ...]:
        likeness = (self._matrix @ self._vectors.transform([caption]).T).toarray().ravel()
        order = np.argsort(-likeness, kind="stable")[: self._count]
        return tuple(self._captions[i] for i in order.tolist())
