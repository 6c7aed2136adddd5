import threading

import pytest

from ruler.video.ahead import read_ahead


def test_all_items_come_in_order():
    assert list(read_ahead(range(200))) == list(range(200))
    assert list(read_ahead([])) == []


def test_an_error_comes_where_its_item_would_have():
    def broken():
        yield 1
        raise ValueError("torn")

    items = read_ahead(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match="torn"):
        next(items)


def test_who_stops_early_leaves_no_thread_and_few_items_made():
    made = []

    def endless():
        n = 0
        while True:
            made.append(n)
            yield n
            n += 1

    items = read_ahead(endless(), depth=2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert len(made) <= 8
    assert not [t for t in threading.enumerate() if t.name == "read-ahead"]
