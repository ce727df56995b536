"""Whether browsers will take the TLS certificate, today and for some time."""

from __future__ import annotations

import time
from pathlib import Path

from bench.finding import Finding
from server.access import Tls
from server.certificate import Validity
from server.errors import ServerError

WHAT = "TLS certificate"


def certificate_findings(certificate: Path | None, key: Path | None) -> list[Finding]:
    """Look at the files that `serve` would be given; nothing where it is given none."""
    try:
        tls = Tls.given(certificate, key)
        if tls is None:
            return []
        validity = Validity.of(tls.certificate)
    except ServerError as error:
        return [Finding(WHAT, str(error), "give both files, as PEM, readable by whoever serves", is_well=False)]
    trouble = validity.trouble(time.time())
    until = time.strftime("valid until %Y-%m-%d %H:%M UTC", time.gmtime(validity.ends_s))
    if trouble:
        mend = "renew it; a server that runs takes the new files by itself"
        return [Finding(WHAT, f"{tls.certificate}: {trouble}", mend, is_well=False)]
    return [Finding(WHAT, until)]
