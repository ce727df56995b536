"""Origins that are let in, as people write them."""

from __future__ import annotations

import pytest

from server.access import Access, Asked
from server.errors import ServerError
from server.origin import as_browsers_say


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("https://show.example.org", "https://show.example.org"),
        ("HTTPS://Show.Example.org:443/", "https://show.example.org"),
        (" 'http://show.example.org:80'\n", "http://show.example.org"),
        ("http://show.example.org:443", "http://show.example.org:443"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:80", "http://[::1]"),
        ("null", "null"),
    ],
)
def test_an_origin_is_let_in_however_it_was_written(written: str, said: str) -> None:
    assert as_browsers_say(written) == said
    access = Access(origins=(written,))
    assert access.refusal(Asked("POST", "/api/controls", host="127.0.0.1:8080", origin=said)) is None
    other = Asked("POST", "/api/controls", host="127.0.0.1:8080", origin="https://other.example")
    assert access.refusal(other) is not None


@pytest.mark.parametrize(
    "text", ["*", "show.example.org", "ftp://a", "https://a/page", "https://me@a", "https://a?b", ""]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ServerError, match="is no origin of pages"):
        Access(origins=(text,))
