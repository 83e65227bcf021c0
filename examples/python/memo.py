"""Lists all transcriptions of a workspace, searches for a word, and downloads the
first hit as Markdown and up to 100 transcriptions as one ZIP:

    MEMO_URL=http://127.0.0.1:8080 MEMO_API_KEY=mk_live_… python3 memo.py salary

It needs Python 3.8 or newer and no other package.
"""

import json
import os
import shutil
import sys
import time
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener


class NoRedirect(HTTPRedirectHandler):
    """Does not follow redirects, because urllib would send the key to them."""

    def redirect_request(self, *_):
        return None


opener = build_opener(NoRedirect)


class Refused(Exception):
    """The status of a refusal and its detail."""


def call(method, path, body=None):
    """Returns a response with status 200. While the server responds 429 or 503,
    it waits and tries again, five times in all."""
    headers = {"Authorization": "Bearer " + os.environ["MEMO_API_KEY"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(1, 6):
        request = Request(os.environ["MEMO_URL"].rstrip("/") + "/api/v1/developer" + path, data, headers, method=method)
        try:
            return opener.open(request, timeout=60)
        except HTTPError as refusal:
            text = refusal.read()
            if refusal.code not in (429, 503) or attempt == 5:
                raise Refused(f"HTTP {refusal.code}: {detail(text)}") from None
            after = refusal.headers.get("Retry-After", "")
            time.sleep(int(after) if after.isdigit() else 2)


def detail(text):
    """Returns the detail of an error: a string, an object or a list."""
    try:
        return json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        return text.decode(errors="replace")


def transcriptions(**filters):
    """Yields all transcriptions that match the filters, page after page."""
    while True:
        with call("GET", "/transcriptions?" + urlencode({**filters, "limit": 100})) as response:
            page = json.load(response)
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        filters["cursor"] = page["next_cursor"]


def save(name, method, path, body=None):
    """Downloads a file. It renames the file only when it is complete, because the
    server closes the connection early if it cannot finish a ZIP."""
    part = name + ".part"
    with call(method, path, body) as response:
        try:
            with open(part, "wb") as file:
                shutil.copyfileobj(response, file)
                size = file.tell()
            if size != int(response.headers.get("Content-Length", size)):
                raise HTTPException("the connection was closed early")
        except BaseException:
            os.remove(part)
            raise
    os.replace(part, name)
    print(f"saved {name} ({size} bytes)")


def main(word):
    everything = list(transcriptions())
    for t in everything:
        print(t["created_at"][:10], t["title"])
    found = list(transcriptions(q=word))
    print(f"{len(everything)} transcriptions, {len(found)} found")
    if found:
        print("first hit:", found[0]["title"])
        save("hit.md", "GET", f"/transcriptions/{found[0]['id']}/export?format=md")
        ids = [t["id"] for t in everything[:100]]  # the maximum for one call
        save("all.zip", "POST", "/transcriptions/export", {"ids": ids, "format": "md"})


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.environ.get("MEMO_URL") or not os.environ.get("MEMO_API_KEY"):
        print("usage: MEMO_URL=… MEMO_API_KEY=… python3 memo.py WORD", file=sys.stderr)
        sys.exit(2)
    try:
        main(sys.argv[1])
    except (Refused, HTTPException, OSError, ValueError) as error:
        print(f"memo: {error}", file=sys.stderr)
        sys.exit(1)
