"""Routes, guards and limits."""

from __future__ import annotations

import pytest

FASTAPI = """
from fastapi import FastAPI, APIRouter, Depends, Security, HTTPException, Header, Request
from fastapi.security import OAuth2PasswordBearer, APIKeyHeader
from typing import Annotated
import secrets
app = FastAPI()
router = APIRouter()
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
def get_db():
    yield 1
def verify_key(x_api_key: str = Header()):
    if not secrets.compare_digest(x_api_key, "k"):
        raise HTTPException(status_code=401)
def who(token: str = Depends(oauth2_scheme)):
    return token
def gate(request: Request):
    if request.headers.get("Authorization") != "x":
        raise HTTPException(403)
def verify_nothing():
    return True
"""

GUARDED = {
    "decorator-dependency": "@app.get('/a', dependencies=[Depends(verify_key)])\ndef f(): ...",
    "parameter": "@app.get('/a')\ndef f(u=Depends(who)): ...",
    "annotated": "@app.get('/a')\ndef f(u: Annotated[str, Depends(verify_key)]): ...",
    "annotated-alias": "User = Annotated[str, Depends(who)]\n@app.get('/a')\ndef f(u: User): ...",
    "security": "@app.get('/a')\ndef f(u=Security(who, scopes=['a'])): ...",
    "scheme": "@app.get('/a')\ndef f(u=Depends(oauth2_scheme)): ...",
    "by-content": "@app.get('/a')\ndef f(u=Depends(gate)): ...",
    "imported-name": "from .auth import get_current_user\n@app.get('/a')\ndef f(u=Depends(get_current_user)): ...",
    "imported-role": "from .security import require_operator\nr = APIRouter(dependencies=[Depends(require_operator)])\n@r.get('/a')\ndef f(): ...",
    "router": "r = APIRouter(dependencies=[Depends(verify_key)])\n@r.get('/a')\ndef f(): ...",
    "application": "api = FastAPI(dependencies=[Depends(verify_key)])\n@api.get('/a')\ndef f(): ...",
    "include-router": "@router.get('/a')\ndef f(): ...\napp.include_router(router, dependencies=[Depends(verify_key)])",
    "middleware-by-name": "from .auth import AuthMiddleware\napp.add_middleware(AuthMiddleware)\n@app.get('/a')\ndef f(): ...",
    "middleware-function": "@app.middleware('http')\nasync def m(request, call_next):\n    if request.headers.get('x-api-key') != 'k':\n        raise HTTPException(401)\n    return await call_next(request)\n@app.get('/a')\ndef f(): ...",
    "in-the-handler": "@app.get('/a')\ndef f(request: Request):\n    if request.headers.get('Authorization') != 'k':\n        raise HTTPException(status_code=401)",
    "checked-by-a-function": "@app.get('/a')\ndef f(request: Request):\n    check_access(request)\ndef check_access(request):\n    if not request.headers.get('authorization'):\n        raise HTTPException(403)",
}
OPEN = {
    "nothing": "@app.get('/a')\ndef f(): ...",
    "database": "@app.get('/a')\ndef f(db=Depends(get_db)): ...",
    "name-without-check": "@app.get('/a')\ndef f(u=Depends(verify_nothing)): ...",
    "other-router": "r = APIRouter(dependencies=[Depends(verify_key)])\n@router.get('/a')\ndef f(): ...",
    "cors": "from fastapi.middleware.cors import CORSMiddleware\napp.add_middleware(CORSMiddleware)\n@app.get('/a')\ndef f(): ...",
    "timing-middleware": "@app.middleware('http')\nasync def m(request, call_next):\n    return await call_next(request)\n@app.get('/a')\ndef f(): ...",
    "tokenizer": "from .nlp import get_tokenizer\n@app.get('/a')\ndef f(t=Depends(get_tokenizer)): ...",
}


@pytest.mark.parametrize("code", GUARDED.values(), ids=GUARDED.keys())
def test_authentication_is_a_guard(read, code: str) -> None:
    (route,) = read(FASTAPI + code).routes
    assert route.guards
    assert (route.framework, route.path, route.methods, route.handler) == ("fastapi", "/a", ("GET",), "f")


@pytest.mark.parametrize("code", OPEN.values(), ids=OPEN.keys())
def test_what_is_no_authentication_is_no_guard(read, code: str) -> None:
    (route,) = read(FASTAPI + code).routes
    assert route.guards == ()


FLASK = "from flask import Flask, Blueprint, request, abort\napp = Flask(__name__)\nbp = Blueprint('b', __name__)\n"


def test_flask_routes_have_methods_and_guards(read) -> None:
    module = read(
        FLASK
        + """
from flask_login import login_required
@app.route("/a", methods=["POST"])
@login_required
def a(): ...
@bp.route("/b")
def b(): ...
"""
    )
    first, second = module.routes
    assert (first.methods, first.guards) == (("POST",), ("login_required",))
    assert (second.owner, second.guards) == ("bp", ())


def test_before_request_guards_the_application(read) -> None:
    module = read(
        FLASK
        + "@app.before_request\ndef check():\n    if request.headers.get('Authorization') != 'k':\n        abort(401)\n@app.route('/a')\ndef a(): ...\n"
    )
    assert module.routes[0].guards == ("@app.before_request check",)


def test_before_request_that_only_counts_is_no_guard(read) -> None:
    module = read(FLASK + "@app.before_request\ndef count():\n    n.inc()\n@app.route('/a')\ndef a(): ...\n")
    assert module.routes[0].guards == ()


LIMITED = {
    "slowapi": "from slowapi import Limiter\nlimiter = Limiter(key_func=None)\n@app.get('/a')\n@limiter.limit('5/minute')\ndef f(request: Request): ...",
    "dependency": "from fastapi_limiter.depends import RateLimiter\n@app.get('/a', dependencies=[Depends(RateLimiter(times=2))])\ndef f(): ...",
    "middleware": "from slowapi.middleware import SlowAPIMiddleware\napp.add_middleware(SlowAPIMiddleware)\n@app.get('/a')\ndef f(): ...",
}


@pytest.mark.parametrize("code", LIMITED.values(), ids=LIMITED.keys())
def test_limits_are_seen_and_are_no_guards(read, code: str) -> None:
    (route,) = read(FASTAPI + code).routes
    assert route.limits
    assert route.guards == ()


def test_a_route_says_what_it_reaches(read) -> None:
    module = read(
        FASTAPI
        + "import openai, torch\nclient = openai.OpenAI()\n@app.post('/a')\ndef f():\n    return inner()\ndef inner():\n    torch.load('m')\n    return client.chat.completions.create()\n"
    )
    assert module.routes[0].reaches == ("torch.load", "openai.OpenAI.chat.completions.create")


OTHER = {
    "gradio": (
        "import gradio as gr\nd = gr.Interface(f, 'text', 'text')\nd.launch(share=True)",
        "gradio",
        False,
    ),
    "gradio-auth": (
        "import gradio as gr\nwith gr.Blocks() as d:\n    pass\nd.launch(auth=('a', pw))",
        "gradio",
        True,
    ),
    "streamlit": ("import streamlit as st\nst.title('a')", "streamlit", False),
    "streamlit-login": ("import streamlit as st\nst.login()\nst.title('a')", "streamlit", True),
    "mcp-http": (
        "from mcp.server.fastmcp import FastMCP\nm = FastMCP('a')\nm.run(transport='streamable-http')",
        "mcp",
        False,
    ),
    "mcp-auth": (
        "from fastmcp import FastMCP\nm = FastMCP('a', auth=v)\nm.run(transport='http')",
        "mcp",
        True,
    ),
    "chainlit": ("import chainlit as cl\n@cl.on_message\nasync def main(message): ...", "chainlit", False),
    "chainlit-auth": (
        "import chainlit as cl\n@cl.password_auth_callback\ndef a(u, p): ...\n@cl.on_message\nasync def main(message): ...",
        "chainlit",
        True,
    ),
    "langserve": ("from langserve import add_routes\nadd_routes(app, chain, path='/c')", "langserve", False),
    "bentoml": ("import bentoml\nclass S:\n    @bentoml.api\n    def f(self, x): ...", "bentoml", False),
    "aiohttp": (
        "from aiohttp import web\nasync def h(request): ...\napp = web.Application()\napp.router.add_post('/a', h)",
        "aiohttp",
        False,
    ),
    "starlette": (
        "from starlette.routing import Route\ndef h(request): ...\nroutes = [Route('/a', h)]",
        "starlette",
        False,
    ),
    "django-view": (
        "from django.http import JsonResponse\ndef v(request):\n    return JsonResponse({})",
        "django",
        False,
    ),
    "django-login": (
        "from django.http import JsonResponse\nfrom django.contrib.auth.decorators import login_required\n@login_required\ndef v(request):\n    return JsonResponse({})",
        "django",
        True,
    ),
    "drf-open": (
        "from rest_framework.views import APIView\nclass V(APIView):\n    permission_classes = [AllowAny]\n    def get(self, request): ...",
        "django",
        False,
    ),
    "drf": (
        "from rest_framework.views import APIView\nclass V(APIView):\n    permission_classes = [IsAuthenticated]\n    def get(self, request): ...",
        "django",
        True,
    ),
    "http-server": (
        "from http.server import BaseHTTPRequestHandler\nclass H(BaseHTTPRequestHandler):\n    def do_GET(self): ...",
        "http.server",
        False,
    ),
}


@pytest.mark.parametrize(("code", "framework", "is_guarded"), OTHER.values(), ids=OTHER.keys())
def test_other_ways_in_are_routes(read, code: str, framework: str, is_guarded: bool) -> None:
    (route,) = read(code).routes
    assert route.framework == framework
    assert bool(route.guards) is is_guarded


NO_ROUTE = {
    "mcp-stdio": "from mcp.server.fastmcp import FastMCP\nm = FastMCP('a')\nm.run()",
    "dict-get": "app = {}\napp.get('/a')",
    "client": "import requests\nrequests.get('/a')",
    "streamlit-only-imported": "import streamlit as st\ndef helper():\n    st.write('a')",
    "unknown-decorator": "@cache.get('/a')\ndef f(): ...",
}


@pytest.mark.parametrize("code", NO_ROUTE.values(), ids=NO_ROUTE.keys())
def test_what_is_no_way_in_is_no_route(read, code: str) -> None:
    assert read(code).routes == ()
