"""The checks of pages find what they look for."""

import pytest
from web_pages import check_layout, opened

FINE = (
    '<p style="color:#222">Read</p><div style="overflow:auto"><p style="width:3000px">x</p></div>'
)


@pytest.mark.parametrize(
    ("body", "right"),
    [
        (FINE, True),
        ('<p style="color:#999">Read me</p>', False),
        ('<div style="background:#345"><p style="color:#222">Read me</p></div>', False),
        ('<p style="color:rgba(0, 0, 0, .3)">Read me</p>', False),
        ('<p style="color:#888; font-size:30px">Large</p>', True),
        ('<div style="width:3000px">wide</div>', False),
        ('<div style="overflow:hidden"><div style="width:3000px">cut</div></div>', True),
        ('<div style="position:relative; left:-50px">out</div>', False),
    ],
)
def test_layout(browser, tmp_path, body, right):
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><html><body style="background:#fff">{body}</body></html>')
    with opened(browser, page.as_uri()) as tab:
        if right:
            check_layout(tab)
        else:
            with pytest.raises(AssertionError):
                check_layout(tab)


def test_what_the_console_says_fails(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<script>missing()</script>")
    with pytest.raises(AssertionError, match="missing"), opened(browser, page.as_uri()):
        pass
