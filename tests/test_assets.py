"""Shipped files: found by name, never outside of their folder."""

from __future__ import annotations

import pytest

from ruler import assets
from ruler.assets import asset, asset_names, asset_path
from ruler.errors import UsageError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package installed among those of strangers."""
    root = tmp_path / "site-packages" / "ruler"
    for name, text in {"_assets/configs/a.yaml": "a: 1\n", "_assets/configs/sub/b.yaml": "é", "secret": "s"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root.parent / "prompts").mkdir()
    (root.parent / "prompts" / "x.jinja").write_text("a stranger's")
    monkeypatch.setattr(assets, "_PACKAGE", root)
    return root


def test_the_checkout_is_read_where_nothing_is_packaged(checkout):
    for kind in ("prompts", "configs"):
        for name in asset_names(kind):
            assert asset(kind, name) == (checkout / kind / name).read_text(encoding="utf-8")


def test_packaged_files_are_read(package):
    assert asset("configs", "a.yaml") == "a: 1\n"
    assert asset("configs", "sub/b.yaml") == "é"
    assert asset_names("configs") == ["a.yaml", "sub/b.yaml"]
    assert asset_path("configs", "a.yaml") == package / "_assets" / "configs" / "a.yaml"


def test_a_stranger_beside_the_package_is_not_read(package):
    assert asset_names("prompts") == []
    with pytest.raises(UsageError, match="among the prompts; there are: none"):
        asset("prompts", "x.jinja")


@pytest.mark.parametrize("name", ["", ".", "c.yaml", "../../secret", "sub/../a.yaml", "sub", "/etc/hostname", "a\\b"])
def test_a_name_cannot_leave_the_folder(package, name):
    with pytest.raises(UsageError, match=r"there are: a\.yaml, sub/b\.yaml"):
        asset("configs", name)


def test_absolute_name_of_an_asset_is_refused(package):
    with pytest.raises(UsageError):
        asset("configs", str(package / "_assets" / "configs" / "a.yaml"))
