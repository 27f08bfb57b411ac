# SPDX-License-Identifier: Apache-2.0
"""``countersign probe URL``: 0 when it answers 200 and says what is expected in time, 1 when it does not.

For places without curl: a test of a release, a check of a container. It sends no token and no body.
"""

import argparse
import http.client
import json
import time
from typing import Final
from urllib.parse import urlsplit

from contracts.errors import SettingInvalid
from contracts.tls import client_tls

_EXIT_NO: Final = 1
_ONE_SECONDS: Final = 5
_PAUSE_SECONDS: Final = 1.0
_LONGEST: Final = 1 << 16


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("url", metavar="URL", help="such as http://countersign.ml-prod.svc/ready")
    parser.add_argument(
        "--says",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="a field of the JSON answer and its value; repeatable",
    )
    parser.add_argument("--within", metavar="SECONDS", type=float, default=0.0, help="how long to try again (0)")
    parser.add_argument("--ca-file", metavar="FILE", help="authority of an https server, instead of the system's")


def run(arguments: argparse.Namespace) -> int:
    """Ask until the answer is the expected one or time is up; the exit code."""
    wanted = [_expected(text) for text in arguments.says]
    parts = urlsplit(arguments.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingInvalid(f"{arguments.url!r} is not http://host/path or https://host/path")
    deadline = time.monotonic() + arguments.within
    while True:
        why = _asked(arguments.url, arguments.ca_file, wanted)
        if why is None:
            print(f"{arguments.url}: as expected")
            return 0
        if time.monotonic() + _PAUSE_SECONDS > deadline:
            print(f"{arguments.url}: {why}")
            return _EXIT_NO
        time.sleep(_PAUSE_SECONDS)


def _asked(url: str, ca_file: str | None, wanted: list[tuple[str, str]]) -> str | None:
    """Why the answer is not the expected one; None if it is."""
    try:
        status, content = _get(url, ca_file)
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {type(error).__name__}: {error}"
    if status != http.client.OK:
        return f"status {status}"
    try:
        value = json.loads(content) if wanted else {}
    except ValueError:
        return "the answer is not JSON"
    for field, expected in wanted:
        found = value.get(field) if isinstance(value, dict) else None
        if found != expected:
            return f"{field} is {found!r}, not {expected!r}"
    return None


def _get(url: str, ca_file: str | None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        tls = client_tls(ca_file, "--ca-file")
        connection = http.client.HTTPSConnection(host, parts.port, timeout=_ONE_SECONDS, context=tls)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=_ONE_SECONDS)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read(_LONGEST)
    finally:
        connection.close()


def _expected(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not field or not equals:
        raise SettingInvalid(f"--says {text!r} is not FIELD=VALUE")
    return field, value
