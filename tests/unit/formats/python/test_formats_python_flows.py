"""Flows: each tainted case has a clean twin."""

from __future__ import annotations

import pytest

TOOL = "from langchain_core.tools import tool\nimport os, subprocess, shlex, re, pathlib, ast, requests, html, pickle\nALLOWED = {'a', 'b'}\nBASE = pathlib.Path('/srv')\n"
API = "from fastapi import FastAPI, Depends, UploadFile, Query\nfrom pydantic import BaseModel\nfrom typing import Literal\nfrom uuid import UUID\nfrom pathlib import Path\nimport os, subprocess, sqlite3, httpx, yaml, pickle, torch, json, re\napp = FastAPI()\nBASE = Path('/srv/data')\n"
FLASK = "from flask import Flask, request, render_template_string, send_file\nimport os, sqlite3, subprocess, pickle, jinja2, markupsafe\nfrom werkzeug.utils import secure_filename\napp = Flask(__name__)\n"
OPENAI = "from openai import OpenAI\nimport os, subprocess, json, ast, sqlite3\nclient = OpenAI()\n"


def tool(body: str, signature: str = "x: str") -> str:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"{TOOL}@tool\ndef act({signature}) -> str:\n    'Acts.'\n{lines}\n"


def api(body: str, signature: str = "x: str") -> str:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"{API}@app.get('/x')\ndef act({signature}):\n{lines}\n"


def flask(body: str, route: str = "/x", signature: str = "") -> str:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return f"{FLASK}@app.route('{route}')\ndef act({signature}):\n{lines}\n"


def model(body: str) -> str:
    start = f"{OPENAI}r = client.chat.completions.create(model='gpt-4o', messages=[])\ntext = r.choices[0].message.content\n"
    return start + body + "\n"


TAINTED = {
    "host-by-format": (tool("return requests.get('https://{}/a'.format(x))"), "url"),
    "host-glued-to-a-name": (tool("return requests.get('https://a.example' + x)"), "url"),
    "page-by-response-class": (
        (
            "from fastapi import FastAPI\nfrom fastapi.responses import HTMLResponse\napp = FastAPI()\n"
            "@app.get('/x', response_class=HTMLResponse)\ndef act(q: str):\n    return f'<h1>{q}</h1>'\n"
        ),
        "html",
    ),
    "flask-page": (flask("return '<h1>' + request.args['n'] + '</h1>'"), "html"),
    "object-made-with-it": (
        flask("return Bot(request.args['n']).go()")
        + "class Bot:\n    def __init__(self, c):\n        self.c = c\n    def go(self):\n        os.system(self.c)\n",
        "command",
    ),
    "tool-argument-to-os-system": (tool("os.system(x)"), "command"),
    "tool-argument-in-f-string-to-shell": (tool("subprocess.run(f'ls {x}', shell=True)"), "command"),
    "string-argument-without-shell": (tool("subprocess.check_output('ls ' + x)"), "command"),
    "program-of-a-list": (tool("subprocess.run([x, '-l'])"), "command"),
    "shell-script-in-a-list": (tool("subprocess.run(['bash', '-c', x])"), "command"),
    "list-read-by-a-shell": (tool("subprocess.run(['ls', x], shell=True)"), "command"),
    "joined-list-read-by-a-shell": (
        tool("cmd = ['ls', x]\nsubprocess.run(' '.join(cmd), shell=True)"),
        "command",
    ),
    "split-command": (tool("subprocess.run(shlex.split(x))"), "command"),
    "through-a-helper": (tool("return run(x)") + "def run(command):\n    os.system(command)\n", "command"),
    "through-two-helpers": (
        tool("return a(x)") + "def a(v):\n    b(v)\ndef b(w):\n    os.popen(w)\n",
        "command",
    ),
    "through-a-return-value": (
        tool("os.system(wrap(x))") + "def wrap(v):\n    return 'echo ' + v\n",
        "command",
    ),
    "through-percent-format": (tool("os.system('ls %s' % x)"), "command"),
    "through-str-format": (tool("os.system('ls {}'.format(x))"), "command"),
    "through-a-dict": (tool("d = {'c': x}\nos.system(d['c'])"), "command"),
    "through-a-comprehension": (
        tool("for c in [p.strip() for p in x.split(';')]:\n    os.system(c)"),
        "command",
    ),
    "through-a-walrus": (tool("if (c := x.strip()):\n    os.system(c)"), "command"),
    "through-a-ternary": (tool("c = x if x else 'ls'\nos.system(c)"), "command"),
    "through-augmented-assignment": (tool("c = 'ls '\nc += x\nos.system(c)"), "command"),
    "through-a-with": (tool("with open('log') as f:\n    os.system(x)"), "command"),
    "through-try": (tool("try:\n    os.system(x)\nexcept OSError:\n    pass"), "command"),
    "search-for-bad-words-proves-nothing": (tool("if 'rm' in x:\n    return ''\nos.system(x)"), "command"),
    "check-of-another-value": (
        tool("if y not in ALLOWED:\n    return ''\nos.system(x)", "x: str, y: str"),
        "command",
    ),
    "check-without-consequence": (tool("if x not in ALLOWED:\n    print('odd')\nos.system(x)"), "command"),
    "blocking-call-in-async-tool": (tool("import asyncio\nasyncio.create_subprocess_shell(x)"), "command"),
    "tool-argument-to-eval": (tool("return eval(x)"), "code"),
    "tool-argument-to-exec": (tool("exec(x)"), "code"),
    "tool-argument-to-import": (tool("import importlib\nimportlib.import_module(x)"), "code"),
    "model-output-to-eval": (model("eval(text)"), "code"),
    "model-output-to-exec": (model("exec(text)"), "code"),
    "model-output-to-shell": (model("subprocess.run(text, shell=True)"), "command"),
    "model-output-to-sql": (model("sqlite3.connect('d').cursor().execute(text)"), "sql"),
    "tool-call-arguments-to-shell": (
        model(
            "args = json.loads(r.choices[0].message.tool_calls[0].function.arguments)\nos.system(args['cmd'])"
        ),
        "command",
    ),
    "query-parameter-to-path": (api("return open(f'/srv/{x}').read()"), "path"),
    "query-parameter-to-path-object": (api("return (BASE / x).read_text()"), "path"),
    "query-parameter-joined-to-path": (api("p = os.path.join('/srv', x)\nos.remove(p)"), "path"),
    "query-parameter-to-sql": (
        api("sqlite3.connect('d').execute(f\"SELECT * FROM t WHERE a = '{x}'\")"),
        "sql",
    ),
    "query-parameter-to-unknown-cursor": (api("cursor.execute('SELECT ' + x)", "x: str, cursor=None"), "sql"),
    "query-parameter-is-the-url": (api("return httpx.get(x).text"), "url"),
    "query-parameter-is-the-host": (api("return httpx.get(f'https://{x}/api').text"), "url"),
    "query-parameter-to-yaml-load": (api("yaml.load(x, Loader=yaml.Loader)"), "deserialise"),
    "body-attribute-to-shell": (
        f"{API}class Body(BaseModel):\n    cmd: str\n@app.post('/x')\ndef act(body: Body):\n    os.system(body.cmd)\n",
        "command",
    ),
    "request-json-to-shell": (
        f"{API}from fastapi import Request\n@app.post('/x')\nasync def act(request: Request):\n    body = await request.json()\n    os.system(body['cmd'])\n",
        "command",
    ),
    "upload-name-to-path": (api("open('up/' + file.filename, 'wb')", "file: UploadFile"), "path"),
    "upload-content-to-pickle": (api("pickle.loads(file.file.read())", "file: UploadFile"), "deserialise"),
    "upload-to-torch-load": (api("torch.load(file.file)", "file: UploadFile"), "deserialise"),
    "flask-args-to-sql": (
        flask("q = request.args.get('q')\nsqlite3.connect('d').execute('SELECT * FROM t WHERE a=' + q)"),
        "sql",
    ),
    "flask-form-item-to-shell": (flask("os.system(request.form['c'])"), "command"),
    "flask-json-to-template": (flask("return render_template_string(request.get_json()['t'])"), "template"),
    "flask-argument-to-markup": (flask("return markupsafe.Markup(request.args['t'])"), "html"),
    "flask-argument-to-send-file": (flask("return send_file(request.args['p'])"), "path"),
    "flask-jinja-template": (flask("return jinja2.Template(request.args['t']).render()"), "template"),
    "flask-body-to-pickle": (flask("return pickle.loads(request.data)"), "deserialise"),
    "system-prompt-dict": (
        api("return [{'role': 'system', 'content': f'You help {x}'}]"),
        "system-prompt",
    ),
    "system-message": (
        "from langchain_core.messages import SystemMessage\n"
        + api("return SystemMessage(content='Help ' + x)"),
        "system-prompt",
    ),
    "anthropic-system-keyword": (
        "import anthropic\nc = anthropic.Anthropic()\n"
        + api("c.messages.create(model='m', system=f'Help {x}', messages=[])"),
        "system-prompt",
    ),
    "retrieved-documents-in-system-prompt": (
        (
            "def f(retriever, q):\n    docs = retriever.invoke(q)\n    text = '\\n'.join(d.page_content for d in docs)\n"
            "    return {'role': 'system', 'content': f'Use {text}'}\n"
        ),
        "system-prompt",
    ),
    "download-to-pickle": (
        "import requests, pickle\npickle.loads(requests.get('https://a.b/m').content)\n",
        "deserialise",
    ),
    "streamlit-input-to-eval": ("import streamlit as st\nx = st.text_input('e')\neval(x)\n", "code"),
    "gradio-function": (
        "import gradio as gr\nimport os\ndef f(t):\n    os.system(t)\ngr.Interface(fn=f, inputs='text').launch()\n",
        "command",
    ),
    "self-attribute": (
        (
            "import os\nfrom openai import OpenAI\nclass A:\n    def __init__(self):\n        self.c = OpenAI()\n    def ask(self):\n"
            "        self.t = self.c.chat.completions.create(model='m', messages=[]).choices[0].message.content\n"
            "    def go(self):\n        os.system(self.t)\n"
        ),
        "command",
    ),
    "closure": (
        f"{API}def make():\n    @app.get('/y')\n    def inner(x: str):\n        os.system(x)\n    return inner\n",
        "command",
    ),
    "lambda-tool": (
        "from langchain.tools import Tool\nTool(name='calc', func=lambda q: eval(q), description='Calculates.')\n",
        "code",
    ),
    "match-capture": (tool("match x:\n    case other:\n        os.system(other)"), "command"),
}

CLEAN = {
    "text-that-is-no-page": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef act(q: str):\n    return f'<h1>{q}</h1>'\n",
    "host-from-a-parameter-of-ours": "import requests\ndef get(llm, base):\n    return requests.get(f'{base}/v1/' + llm.invoke('q'))\n",
    "fixed-host-by-format": tool("return requests.get('https://a.example/{}'.format(x))"),
    "fixed-host-by-percent": tool("return requests.get('https://a.example/%s' % x)"),
    "flask-json": flask("return {'a': request.args['n']}"),
    "flask-text-without-tags": flask("return 'a ' + request.args['n']"),
    "streamlit-upload-opened": "import streamlit as st, pandas\npandas.read_csv(st.file_uploader('f'))\n",
    "link-that-a-server-gave": "import requests\nr = requests.get('https://a.b/c').json()\nrequests.get(r['next'])\n",
    "object-made-with-a-constant": tool("Bot('ls').go()")
    + "class Bot:\n    def __init__(self, c):\n        self.c = c\n    def go(self):\n        os.system(self.c)\n",
    "constant-command": tool("os.system('ls')"),
    "argument-behind-the-program": tool("subprocess.run(['ls', x])"),
    "argument-list-in-a-variable": tool("cmd = ['ls', x]\nsubprocess.run(cmd)"),
    "argument-appended": tool("cmd = ['ls']\ncmd.append(x)\nsubprocess.run(cmd, check=True)"),
    "argument-list-added": tool("cmd = ['ls'] + [x]\nsubprocess.run(cmd)"),
    "argument-list-extended-in-place": tool("cmd = ['ls']\ncmd += [x]\nsubprocess.run(cmd)"),
    "split-command-with-fixed-program": tool("subprocess.run(shlex.split(f'ls {x}'))"),
    "fixed-host": tool("return requests.get(f'https://api.example.com/v1/{x}').text"),
    "fixed-host-in-a-constant": tool("return requests.get(HOST + '/v1/' + x).text")
    + "HOST = 'https://a.example'\n",
    "fixed-host-in-a-setting": tool("return requests.get(f'{os.environ[\"H\"]}/{x}').text"),
    "query-parameters": tool("return requests.get('https://a.example', params={'q': x}).text"),
    "sql-parameters": api("sqlite3.connect('d').execute('SELECT * FROM t WHERE a = ?', (x,))"),
    "orm-statement": api(
        "from sqlalchemy import select\ndb.execute(select(T).where(T.a == x))", "x: str, db=None"
    ),
    "executor-is-no-database": api("executor.execute(x)", "x: str, executor=None"),
    "injected-parameter": api("open(settings.path)", "settings=Depends(dict)"),
    "written-content": api("open('/srv/a', 'w').write(x)"),
    "opened-upload": api("import pandas\npandas.read_csv(file.file)", "file: UploadFile"),
    "bytes-in-memory": api(
        "import io, pandas\npandas.read_csv(io.BytesIO(file.file.read()))", "file: UploadFile"
    ),
    "safe-yaml": api("yaml.safe_load(x)"),
    "safe-yaml-loader": api("yaml.load(x, Loader=yaml.SafeLoader)"),
    "weights-only": api("torch.load(file.file, weights_only=True)", "file: UploadFile"),
    "other-dict-item": api("d = {'a': x, 'b': 'ls'}\nos.system(d['b'])"),
    "overwritten": tool("x = 'ls'\nos.system(x)"),
    "compared-only": tool("if x == 'a':\n    os.system('ls')"),
    "mapping-of-our-own": tool("os.system({'a': 'ls'}.get(x, 'id'))"),
    "mapping-subscript": tool("os.system(COMMANDS[x])") + "COMMANDS = {'a': 'ls'}\n",
    "literal-match": tool("match x:\n    case 'a' | 'b':\n        os.system(x)"),
    "user-role": api("return [{'role': 'user', 'content': x}]"),
    "no-source": "import os\ndef f(x):\n    os.system(x)\n",
    "model-eval-method": "import torch\nfrom openai import OpenAI\nm = torch.nn.Linear(1, 1)\nm.eval()\n",
    "compiled-pattern": tool("re.compile(x)"),
    "count-only": tool("n = x.count('a')\nos.system(f'seq {n}')"),
    "markdown-without-html": "import streamlit as st\nst.markdown(st.text_input('e'))\n",
    "template-values": flask(
        "from flask import render_template\nreturn render_template('a.html', t=request.args['t'])"
    ),
    "template-context": flask("return render_template_string('{{ t }}', t=request.args['t'])"),
}

CLEANED = {
    "escaped-page": flask(
        "from markupsafe import escape\nreturn '<h1>' + escape(request.args['n']) + '</h1>'"
    ),
    "int": tool("os.system(f'kill {int(x)}')"),
    "shlex-quote": tool("os.system('ls ' + shlex.quote(x))"),
    "literal-eval": tool("eval(ast.literal_eval(x))"),
    "membership-that-returns": tool("if x not in ALLOWED:\n    return ''\nos.system(x)"),
    "membership-that-raises": tool("if x not in ALLOWED:\n    raise ValueError(x)\nos.system(x)"),
    "membership-around": tool("if x in ALLOWED:\n    os.system(x)"),
    "membership-of-a-derived-value": tool(
        "c = x.strip()\nif c not in ('ls', 'id'):\n    return ''\nos.system(c)"
    ),
    "assertion": tool("assert x in ALLOWED\nos.system(x)"),
    "equality": tool("if x == 'ls' and True:\n    os.system(x)"),
    "alphabet": tool("if not x.isalnum():\n    return ''\nos.system(x)"),
    "fullmatch": tool("if not re.fullmatch('[a-z]+', x):\n    return ''\nos.system(x)"),
    "compiled-fullmatch": tool("if NAME.fullmatch(x) is None:\n    raise ValueError\nos.system(x)")
    + "NAME = re.compile('[a-z]+')\n",
    "match-with-end": tool("if not re.match('^[a-z]+$', x):\n    return ''\nos.system(x)"),
    "number-type": tool("os.system(f'kill {x}')", "x: int"),
    "literal-type": api("os.system(x)", "x: Literal['ls', 'id']"),
    "uuid-type": api("open(f'/srv/{x}')", "x: UUID"),
    "enum-type": "import enum\nclass K(enum.Enum):\n    A = 'a'\n" + api("os.system(x)", "x: K"),
    "model-number-field": f"{API}class Body(BaseModel):\n    n: int\n@app.post('/x')\ndef act(body: Body):\n    os.system(f'kill {{body.n}}')\n",
    "path-converter": flask("open(f'/srv/{x}')", "/x/<int:x>", "x"),
    "is-relative-to": api(
        "p = (BASE / x).resolve()\nif not p.is_relative_to(BASE):\n    raise ValueError\nreturn p.read_text()"
    ),
    "parents": api(
        "p = (BASE / x).resolve()\nif BASE not in p.parents:\n    raise ValueError\nreturn p.read_text()"
    ),
    "startswith-root": api(
        "p = os.path.realpath(os.path.join('/srv', x))\nif not p.startswith('/srv/'):\n    raise ValueError\nreturn open(p)"
    ),
    "commonpath": api(
        "p = os.path.realpath(x)\nif os.path.commonpath([p, '/srv']) != '/srv':\n    raise ValueError\nreturn open(p)"
    ),
    "relative-to-in-try": api(
        "p = (BASE / x).resolve()\ntry:\n    p.relative_to(BASE)\nexcept ValueError:\n    raise\nreturn p.read_text()"
    ),
    "climbing-refused": api("if '..' in x:\n    raise ValueError\nreturn open('/srv/' + x)"),
    "secure-filename": flask("return open('/srv/' + secure_filename(request.args['p']))"),
    "basename": api("return open('/srv/' + os.path.basename(x))"),
    "path-name": api("return open(BASE / Path(x).name)"),
    "html-escape": flask("import html\nreturn markupsafe.Markup(html.escape(request.args['t']))"),
    "host-allowlist": api(
        "from urllib.parse import urlparse\nu = urlparse(x)\nif u.hostname not in {'a.example'}:\n    raise ValueError\nreturn httpx.get(x)"
    ),
    "validator-function": tool("if not is_allowed_command(x):\n    return ''\nos.system(x)")
    + "from .policy import is_allowed_command\n",
    "validating-statement": tool("check(x)\nos.system(x)")
    + "def check(v):\n    if v not in ALLOWED:\n        raise ValueError\n",
    "foreign-validating-statement": tool("validate_command(x)\nos.system(x)")
    + "from .policy import validate_command\n",
    "sanitiser": tool("os.system(sanitize(x))") + "from .policy import sanitize\n",
    "alphabet-substitution": tool("os.system('ls ' + re.sub('[^a-z]', '', x))"),
    "number-guard": tool("if not isinstance(x, (int, float)):\n    raise TypeError\neval(str(x))"),
}


@pytest.mark.parametrize(("code", "sink"), TAINTED.values(), ids=TAINTED.keys())
def test_untrusted_text_that_arrives_is_a_flow(read, code: str, sink: str) -> None:
    found = [flow for flow in read(code).flows if flow.sink == sink]
    assert found
    assert not found[0].cleaned_by
    assert found[0].anchor
    assert found[0].origin


@pytest.mark.parametrize("code", CLEAN.values(), ids=CLEAN.keys())
def test_harmless_code_has_no_flow(read, code: str) -> None:
    assert read(code).flows == ()


@pytest.mark.parametrize("code", CLEANED.values(), ids=CLEANED.keys())
def test_a_cleaned_value_is_credited(read, code: str) -> None:
    flows = read(code).flows
    assert flows
    assert all(flow.cleaned_by for flow in flows), flows


def test_a_flow_says_where_it_comes_from_and_how(read) -> None:
    (flow,) = read(tool("command = 'ls ' + x\nrun(command)") + "def run(c):\n    os.system(c)\n").flows
    assert flow.origin == "parameter `x` of tool `act`"
    assert flow.source == "tool-argument"
    assert flow.callee == "os.system"
    assert flow.scope == "run"
    assert flow.steps == ("command", "run()")
    assert flow.anchor == "os.system(c)"
    assert flow.origin_line == 6


def test_a_person_at_the_keyboard_is_marked_as_such(read) -> None:
    (flow,) = read("import os\nos.system(input('> '))\n").flows
    assert flow.source == "user-input"


def test_recursion_between_functions_ends(read) -> None:
    code = tool("a(x)") + "def a(v):\n    b(v)\ndef b(v):\n    a(v)\n    os.system(v)\n"
    assert [flow.sink for flow in read(code).flows] == ["command"]


def test_each_flow_is_told_once(read) -> None:
    code = tool("run(x)\nrun(x)") + "def run(c):\n    os.system(c)\n"
    assert len(read(code).flows) == 1
