"""Pages of HTML, read with the parser of Python: what must hold of any that needs no network and no script."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input"}
HEADINGS = {"h1", "h2", "h3", "h4"}


class Page(HTMLParser):
    """The elements of a page, with the texts of those asked for."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.headings, self.texts, self.titles = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag in HEADINGS:
            self.headings.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and self.open[-1] == "title" and "svg" in self.open:
            self.titles.append(data)

    @property
    def text(self):
        """All that is read, styles left out."""
        return " ".join("".join(self.texts).split())

    def values(self, name):
        return [attributes[name] for _, attributes in self.attributes if attributes.get(name) is not None]


def read_page(path):
    """Read a page and check what must hold of any."""
    raw = path.read_bytes()
    text = raw.decode("utf-8")
    assert len(raw) < 2_000_000
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    page = Page(text)
    assert "script" not in page.tags
    assert not any(name.startswith("on") for _, attributes in page.attributes for name in attributes)
    for name in ("href", "src", "xlink:href", "action"):
        assert all(value.startswith(("#", "data:")) for value in page.values(name))
    assert "http" not in re.sub("<meta[^>]*>", "", text).replace("http-equiv", "") or "://" not in text
    assert not re.search(r"url\((?!#)", text)
    assert not re.search(r"@import", text)
    ids = page.values("id")
    assert len({*ids}) == len(ids)
    referred = {*re.findall(r"url\(#([^)]+)\)", text), *(value[1:] for value in page.values("href") if value[0] == "#")}
    referred |= {*page.values("aria-labelledby")}
    assert referred <= {*ids}
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    assert all(int(below[1]) <= int(above[1]) + 1 for above, below in zip(page.headings, page.headings[1:]))
    for tag, attributes in page.attributes:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
            assert "width" not in attributes
            assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", attributes["viewbox"])
    return page
