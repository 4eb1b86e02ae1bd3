"""The built site, page by page: nothing sticks out, all can be read, no picture is mute."""

import os
from pathlib import Path

import pytest
from web_pages import SIZES, check_layout, opened

SITE = Path(os.environ.get("TINYFRAME_SITE", ""))
PAGES = sorted(
    str(path.relative_to(SITE))
    for path in (SITE.rglob("*.html") if os.environ.get("TINYFRAME_SITE") else ())
    if path.relative_to(SITE).parts[0] not in ("_modules", "_static", "_sources")
)

needs_site = pytest.mark.skipif(
    not PAGES, reason="TINYFRAME_SITE names no folder with the site: sphinx-build docs FOLDER"
)


LOOKS = [*((size, "light") for size in SIZES), (SIZES[-1], "dark")]

MUTE = """() => [...document.images].filter(i => !i.alt.trim() || /\\.(png|svg)$/.test(i.alt))
  .map(i => i.getAttribute('src'))"""


@needs_site
@pytest.mark.parametrize(("size", "scheme"), LOOKS, ids=str)
def test_pages_fit_can_be_read_and_say_what_pictures_show(browser, size, scheme):
    """Of the pages of single names, which are made from one template, every tenth."""
    api = [name for name in PAGES if "reference/api" in name]
    trouble = {}
    with opened(browser, (SITE / PAGES[0]).as_uri(), size, scheme) as page:
        for name in [*(n for n in PAGES if n not in api), *api[::10]]:
            page.goto((SITE / name).as_uri(), wait_until="domcontentloaded")
            try:
                check_layout(page)
                assert page.evaluate(MUTE) == []
            except AssertionError as error:
                trouble[name] = str(error).splitlines()[0]
    assert not trouble, trouble


@needs_site
def test_the_site_is_small():
    size = sum(path.stat().st_size for path in SITE.rglob("*") if ".doctrees" not in path.parts)
    assert size < 15e6
