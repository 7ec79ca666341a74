"""Requests to a server under test, with the patience that a busy machine needs; httpx gives up after 5 s."""

from functools import partial

import httpx

from tests.helpers.waiting import PATIENCE_S

request = partial(httpx.request, timeout=PATIENCE_S)
get, post, put, delete = (partial(request, method) for method in ("GET", "POST", "PUT", "DELETE"))
