"""The page over HTTP: what may be asked, and by whom.

Every address begins with a secret that only the printed link has; a request to another host name is refused,
so that no page of the web can ask through the browser. Pictures are asked for by their number, no path is
read.
"""

import json
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from metassl.errors import UserError
from metassl.library.classifier.picture_page import small_png
from metassl.serving.session import Session

HERE = ["127.0.0.1", "localhost"]
LONGEST = 2000  # bytes of what a page may send
SIDE = 160  # pixels of a picture
PARTS = Path(__file__).parent / "page"


def make_app(session: Session, secret: str) -> Starlette:
    """The page of a session, under /<secret>/."""
    pages = Environment(autoescape=True, loader=FileSystemLoader(PARTS), undefined=StrictUndefined)

    async def page(request: Request) -> Response:
        nonce = secrets.token_urlsafe(16)
        shown = pages.get_template("page.html").render(
            nonce=nonce, classes=session.folder.classes, state=asdict(session.state)
        )
        return HTMLResponse(shown, headers=_headers(nonce))

    async def picture(request: Request) -> Response:
        place = int(request.path_params["place"])
        if place >= len(session.folder.files):
            raise HTTPException(404)
        content = await run_in_threadpool(small_png, session.folder.files[place], SIDE)
        return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    async def give(request: Request) -> Response:
        said = await _said(request)
        place, label = said.get("place"), said.get("label")
        if not isinstance(place, int) or not isinstance(label, str):
            raise HTTPException(400, "place and label are needed")
        try:
            return JSONResponse(asdict(await run_in_threadpool(session.give, place, label)))
        except UserError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    async def undo(request: Request) -> Response:
        await _said(request)
        return JSONResponse(asdict(await run_in_threadpool(session.undo)))

    routes = [
        Route(f"/{secret}/", page),
        Route(f"/{secret}/picture/{{place:int}}", picture),
        Route(f"/{secret}/label", give, methods=["POST"]),
        Route(f"/{secret}/undo", undo, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HERE)])


async def _said(request: Request) -> dict[str, Any]:
    """What a page has sent, which is short and JSON; nothing is uploaded."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            raise HTTPException(413)
    try:
        said = json.loads(body or b"{}")
    except ValueError:
        raise HTTPException(400) from None
    if not isinstance(said, dict):
        raise HTTPException(400)
    return said


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; img-src 'self' data:; connect-src 'self'; style-src 'nonce-{nonce}'; "
        f"script-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
