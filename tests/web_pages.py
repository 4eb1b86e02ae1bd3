"""How the tests look at a page: what it says on the console, what sticks out, what can be read."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from typing import Any, TypeVar

Server = TypeVar("Server", bound=HTTPServer)

SIZES = [(360, 740), (768, 1024), (1280, 900)]

CONTRAST = """() => {  // text whose contrast is below WCAG's AA
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => { const f = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
  const paper = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255], known = new Map();
  const behind = e => { if (!e) return paper;  // memoized, from the outside in
    if (!known.has(e)) known.set(e, over(parse(getComputedStyle(e).backgroundColor), behind(e.parentElement)));
    return known.get(e); };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || element.closest('script, style, option, :disabled') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), back = behind(element), front = over(parse(style.color), back);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""

STICKS_OUT = """() => {
  const wide = document.documentElement.clientWidth, scrolls = e => { for (let p = e.parentElement; p; p = p.parentElement)
      if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(p).overflowX)) return true; return false; };
  return [...document.body.querySelectorAll('*')].filter(e => { const r = e.getBoundingClientRect();
    return r.width && (r.right > wide + 1 || r.left < -1) && !scrolls(e); }).map(e => e.outerHTML.slice(0, 80));
}"""


@contextmanager
def opened(
    browser: Any, url: str, size: tuple[int, int] = (1280, 900), scheme: str = "light"
) -> Iterator[Any]:
    """A page that must say nothing on the console and ask nobody but its own server."""
    width, height = size
    touch = {"has_touch": width < 500, "is_mobile": width < 500}
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, **touch
    )
    page = context.new_page()
    page.trouble, asked = [], list[str]()
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda m: page.trouble.append(m.text) if m.type == "error" else None)
    page.on("request", lambda r: asked.append(r.url))
    page.goto(url)
    yield page
    assert not page.trouble
    home = "file:" if url.startswith("file:") else url.partition("#")[0]
    assert all(u.startswith((home, "data:")) for u in asked), asked
    context.close()


def check_layout(page: Any) -> None:
    """Nothing sticks out sideways, and all text stands out from what is behind it (WCAG's AA)."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(STICKS_OUT) == []
    assert page.evaluate(CONTRAST) == []


def ask(
    server: HTTPServer, method: str, path: str, body: Any = None, **headers: Any
) -> tuple[http.client.HTTPResponse, bytes]:
    """Ask a server, and return its response and what it sent."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """The server at work in a thread of its own."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
