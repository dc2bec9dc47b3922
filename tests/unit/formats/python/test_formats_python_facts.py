"""Tools, prompts, models and endpoints."""

from __future__ import annotations

import hashlib

import pytest

from keelmark.core.tools import tool_digest

TOOLS = {
    "langchain": ("from langchain_core.tools import tool\n@tool\ndef act(q: str):\n    'Acts.'", "langchain"),
    "langchain-named": (
        "from langchain.tools import tool\n@tool('act')\ndef other(q: str):\n    'Acts.'",
        "langchain",
    ),
    "mcp": (
        "from mcp.server.fastmcp import FastMCP\nm = FastMCP('s')\n@m.tool()\ndef act(q: str):\n    'Acts.'",
        "mcp",
    ),
    "mcp-from-elsewhere": ("from .server import mcp\n@mcp.tool()\ndef act(q: str):\n    'Acts.'", "mcp"),
    "openai-agents": (
        "from agents import function_tool\n@function_tool\ndef act(q: str):\n    'Acts.'",
        "openai-agents",
    ),
    "pydantic-ai": (
        "from pydantic_ai import Agent\na = Agent('m')\n@a.tool\ndef act(ctx, q: str):\n    'Acts.'",
        "pydantic-ai",
    ),
    "crewai": ("from crewai.tools import tool\n@tool('act')\ndef x(q: str):\n    'Acts.'", "crewai"),
    "smolagents": ("from smolagents import tool\n@tool\ndef act(q: str):\n    'Acts.'", "smolagents"),
    "structured-tool": (
        "from langchain.tools import StructuredTool\ndef act(q: str):\n    'Acts.'\nt = StructuredTool.from_function(act)",
        "langchain",
    ),
    "tool-class": (
        "from langchain.tools import Tool\ndef f(q): ...\nTool(name='act', func=f, description='Acts.')",
        "langchain",
    ),
    "base-tool": (
        "from langchain.tools import BaseTool\nclass T(BaseTool):\n    name: str = 'act'\n    description: str = 'Acts.'\n    def _run(self, q): ...",
        "langchain",
    ),
    "llama-index": (
        "from llama_index.core.tools import FunctionTool\ndef act(q):\n    'Acts.'\nFunctionTool.from_defaults(fn=act)",
        "llama-index",
    ),
    "openai-schema": (
        "T = [{'type': 'function', 'function': {'name': 'act', 'description': 'Acts.', 'parameters': {'type': 'object', 'properties': {'q': {}}}}}]",
        "openai",
    ),
    "anthropic-schema": (
        "T = {'name': 'act', 'description': 'Acts.', 'input_schema': {'properties': {'q': {}}}}",
        "anthropic",
    ),
    "bound": (
        "from langchain_openai import ChatOpenAI\ndef act(q):\n    'Acts.'\nChatOpenAI().bind_tools([act])",
        "langchain",
    ),
    "listed": ("import langgraph\ndef act(q):\n    'Acts.'\ntools = [act]", "langchain"),
    "agent-keyword": (
        "from google.adk.agents import Agent\ndef act(q):\n    'Acts.'\na = Agent(tools=[act])",
        "google-adk",
    ),
}


@pytest.mark.parametrize(("code", "framework"), TOOLS.values(), ids=TOOLS.keys())
def test_functions_that_a_model_can_call_are_tools(read, code: str, framework: str) -> None:
    (tool,) = read(code).tools
    assert (tool.name, tool.framework, tool.description) == ("act", framework, "Acts.")
    assert tool.parameters == ("q",)


NO_TOOL = {
    "own-decorator": "def tool(f):\n    return f\n@tool\ndef act(q): ...",
    "other-library": "from build import tool\n@tool\ndef act(q): ...",
    "list-without-framework": "def act(q): ...\ntools = [act]",
    "typed-dict": "x = {'type': 'function', 'name': 1}",
    "gui-tool": "from tkinter import Tool\nTool(name='a', func=print)",
}


@pytest.mark.parametrize("code", NO_TOOL.values(), ids=NO_TOOL.keys())
def test_what_a_model_cannot_call_is_no_tool(read, code: str) -> None:
    assert read(code).tools == ()


def test_ready_made_tools_are_tools(read) -> None:
    module = read(
        "from langchain_community.tools import ShellTool, TavilySearchResults\nx = [ShellTool(), TavilySearchResults()]"
    )
    assert [tool.name for tool in module.tools] == ["ShellTool", "TavilySearchResults"]


STATED = {"name": "act", "description": "Acts.", "parameters": {"type": "object", "properties": {"q": {}}}}


def test_a_definition_that_is_written_out_in_full_has_its_digest(read) -> None:
    for code in (
        f"T = [{{'type': 'function', 'function': {STATED}}}]",
        f"T = [{ {'type': 'function', **STATED} }]",
    ):
        (tool,) = read(code).tools
        assert tool.digest == tool_digest("act", "Acts.", STATED["parameters"])


@pytest.mark.parametrize(
    "code",
    [
        *(TOOLS[name][0] for name in ("langchain", "listed", "bound")),
        "D = 'Acts.'\nT = [{'type': 'function', 'function': {'name': 'act', 'description': D, 'parameters': {'type': 'object'}}}]",
        "T = [{'type': 'function', 'function': {'name': 'act', 'description': 'Acts.', 'parameters': schema()}}]",
        "T = [{'type': 'function', 'function': {'name': 'act', 'description': f'Acts {x}.', 'parameters': {}}}]",
        "T = {'name': 'act', 'description': 'Acts.', 'input_schema': {'properties': {**more}}}",
    ],
)  # fmt: skip
def test_a_definition_that_is_made_at_run_time_has_none(read, code: str) -> None:
    assert [tool.digest for tool in read(code).tools] == [""]


HEAD = "from langchain_core.tools import tool\nimport os, subprocess, requests, pathlib, sqlite3, smtplib\nfrom langgraph.types import interrupt\n"
EFFECTS = {
    "command": ("subprocess.run(['ls'])", ("subprocess.run",)),
    "write": ("open('a', 'w').write(q)", ("builtins.open",)),
    "write-by-path": ("pathlib.Path('a').write_text(q)", ("pathlib.Path.write_text",)),
    "post": ("requests.post('https://a.b', json=q)", ("requests.post",)),
    "insert": (
        "sqlite3.connect('d').execute('INSERT INTO t VALUES (?)', (q,))",
        ("sqlite3.Connection.execute",),
    ),
    "one-level-down": ("helper(q)\ndef helper(x):\n    os.remove(x)", ("os.remove",)),
    "read": ("return open('a').read()", ()),
    "get": ("return requests.get('https://a.b').text", ()),
    "select": ("sqlite3.connect('d').execute('SELECT 1')", ()),
}


@pytest.mark.parametrize(("body", "effects"), EFFECTS.values(), ids=EFFECTS.keys())
def test_effects_outside_the_process_are_told(read, body: str, effects: tuple[str, ...]) -> None:
    inside, _, below = body.partition("\ndef ")
    below = f"def {below}\n" if below else ""
    module = read(f"{HEAD}@tool\ndef act(q: str):\n    {inside}\n{below}")
    assert module.tools[0].effects == effects


APPROVALS = {
    "interrupt": ("@tool\ndef act(q):\n    interrupt('ok?')\n    os.remove(q)", "interrupt('ok?')"),
    "input": ("@tool\ndef act(q):\n    if input('ok?') == 'y':\n        os.remove(q)", "input('ok?')"),
    "keyword": (
        "from agents import function_tool\n@function_tool(needs_approval=True)\ndef act(q):\n    os.remove(q)",
        "needs_approval=True",
    ),
    "function": (
        "@tool\ndef act(q):\n    confirm_action(q)\ndef confirm_action(q): ...",
        "confirm_action(q)",
    ),
}


@pytest.mark.parametrize(("code", "text"), APPROVALS.values(), ids=APPROVALS.keys())
def test_what_asks_a_person_is_told(read, code: str, text: str) -> None:
    assert read(HEAD + code).tools[0].approvals == (text,)


def test_an_approval_that_is_off_is_none(read) -> None:
    code = "from agents import function_tool\n@function_tool(needs_approval=False)\ndef act(q):\n    os.remove(q)"
    assert read(HEAD + code).tools[0].approvals == ()


PROMPTS = {
    "constant": ("SYSTEM_PROMPT = 'You are a helpful assistant.'", "system", ()),
    "template": ("PROMPT = 'Answer the question: {question}'", "template", ("question",)),
    "jinja": ("PROMPT = 'Answer the question: {{ question }}'", "template", ("question",)),
    "f-string": ("def f(name):\n    system_prompt = f'You are the helper of {name}.'", "system", ("name",)),
    "begins-with-you-are": ("TEXT = '''You are a poet and you know it.'''", "system", ()),
    "class-attribute": ("class A:\n    instructions = 'You are a helpful assistant.'", "system", ()),
    "field": (
        "from pydantic import Field\nclass A:\n    prompt: str = Field(default='You are a helpful assistant.')",
        "system",
        (),
    ),
    "dict": ("m = [{'role': 'system', 'content': 'You are a helpful assistant.'}]", "system", ()),
    "system-message": (
        "from langchain_core.messages import SystemMessage\nSystemMessage(content='Be brief, please.')",
        "system",
        (),
    ),
    "from-messages": (
        "from langchain_core.prompts import ChatPromptTemplate\np = ChatPromptTemplate.from_messages([('system', 'Help with {topic}.')])",
        "system",
        ("topic",),
    ),
    "prompt-template": (
        "from langchain.prompts import PromptTemplate\nPromptTemplate(template='Tell me of {topic}, please')",
        "template",
        ("topic",),
    ),
    "keyword": (
        "import anthropic\nanthropic.Anthropic().messages.create(system='You are a helpful assistant.')",
        "system",
        (),
    ),
    "concatenated": ("PROMPT = 'You are a helper. ' + rules + ' Be brief.'", "system", ("rules",)),
    "dedented": (
        "import textwrap\nPROMPT = textwrap.dedent('''\\\n  You are a helpful assistant.''')",
        "system",
        (),
    ),
    "returned": ("def build_prompt(q):\n    return f'Answer the question: {q}'", "template", ("q",)),
}


@pytest.mark.parametrize(("code", "role", "places"), PROMPTS.values(), ids=PROMPTS.keys())
def test_texts_that_instruct_a_model_are_prompts(read, code: str, role: str, places: tuple[str, ...]) -> None:
    (prompt,) = read(code).prompts
    assert (prompt.role, prompt.placeholders) == (role, places)


NO_PROMPT = {
    "docstring": "def prompt():\n    'You are reading a docstring of this function.'",
    "module-docstring": "'''You are reading the documentation.'''",
    "argparse": "import argparse\nargparse.ArgumentParser().add_argument('--prompt', help='the prompt to give to the model')",
    "sql": "PROMPT_QUERY = 'SELECT a, b FROM prompts WHERE id = 1'",
    "html-template": "TEMPLATE = '<html><body>You are logged in as {name}</body></html>'",
    "log": "import logging\nlogging.info('the system prompt was changed by its owner')",
    "path": "PROMPT_PATH = 'data/my prompts/system.txt'",
    "mail-template": "MAIL_TEMPLATE = 'Dear {name}, thanks for your order of {item}.'",
    "shell-prompt": "import click\nclick.option('--name', prompt='Please type in your name')",
    "short": "prompt = '> '",
    "code": "PREAMBLE = 'import os\\nimport sys\\nprint(1)'",
}


@pytest.mark.parametrize("code", NO_PROMPT.values(), ids=NO_PROMPT.keys())
def test_other_texts_are_no_prompts(read, code: str) -> None:
    assert read(code).prompts == ()


def test_a_prompt_has_the_digest_of_its_whole_text(read) -> None:
    text = "You are a helper. " + "a" * 9_000
    (prompt,) = read(f"PROMPT = {text!r}").prompts
    assert prompt.digest == hashlib.sha256(text.encode()).hexdigest()
    assert len(prompt.text) == 8_000


def test_untrusted_placeholders_are_named(read) -> None:
    module = read(
        """
        from fastapi import FastAPI
        app = FastAPI()
        @app.get('/a')
        def f(name: str):
            return [{'role': 'system', 'content': f'You are the helper of {name}.'}]
        """
    )
    assert module.prompts[0].untrusted == ("name: parameter `name` of route handler `f`",)


HEX = "a" * 40
MODELS = {
    "openai": (
        "import openai\nopenai.OpenAI().chat.completions.create(model='gpt-4o')",
        ("openai", "gpt-4o", "", False),
    ),
    "dated": (
        "import openai\nopenai.OpenAI().chat.completions.create(model='gpt-4o-2024-08-06')",
        ("openai", "gpt-4o-2024-08-06", "2024-08-06", False),
    ),
    "anthropic-dated": (
        "MODEL = 'claude-sonnet-4-5-20250929'",
        ("anthropic", "claude-sonnet-4-5-20250929", "20250929", False),
    ),
    "routed": (
        "import litellm\nlitellm.completion(model='anthropic/claude-opus-4-1')",
        ("anthropic", "anthropic/claude-opus-4-1", "", False),
    ),
    "ollama": ("LLM = 'llama3.1:8b'", ("ollama", "llama3.1:8b", "", False)),
    "ollama-digest": (
        "import ollama\nollama.chat(model='llama3@sha256:" + "ab" * 32 + "')",
        ("ollama", "llama3@sha256:" + "ab" * 32, "sha256:" + "ab" * 32, False),
    ),
    "environment-default": (
        "import os\nM = os.getenv('MODEL', 'gpt-4o-mini')",
        ("openai", "gpt-4o-mini", "", False),
    ),
    "parameter-default": (
        "def f(model='gemini-1.5-pro-002'): ...",
        ("google", "gemini-1.5-pro-002", "002", False),
    ),
    "langchain": (
        "from langchain_anthropic import ChatAnthropic\nChatAnthropic(model_name='claude-3-opus')",
        ("anthropic", "claude-3-opus", "", False),
    ),
    "from-pretrained": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('org/m')",
        ("huggingface", "org/m", "", False),
    ),
    "short-hub-name": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('gpt2')",
        ("huggingface", "gpt2", "", False),
    ),
    "pinned": (
        f"from transformers import AutoModel\nAutoModel.from_pretrained('org/m', revision='{HEX}')",
        ("huggingface", "org/m", HEX, False),
    ),
    "branch-is-no-pin": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('org/m', revision='main')",
        ("huggingface", "org/m", "", False),
    ),
    "remote-code": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('org/m', trust_remote_code=True)",
        ("huggingface", "org/m", "", True),
    ),
    "constant": (
        "from transformers import pipeline\nN = 'org/m'\npipeline('text-generation', model=N)",
        ("huggingface", "org/m", "", False),
    ),
    "sentence-transformer": (
        "from sentence_transformers import SentenceTransformer\nSentenceTransformer('all-MiniLM-L6-v2')",
        ("huggingface", "all-MiniLM-L6-v2", "", False),
    ),
    "torch-hub": ("import torch\ntorch.hub.load('org/repo', 'm')", ("torchhub", "org/repo", "", True)),
    "pickled-download": (
        "from huggingface_hub import hf_hub_download\nhf_hub_download('org/m', 'a.pkl')",
        ("huggingface", "org/m", "", True),
    ),
    "timm": ("import timm\ntimm.create_model('vit', pretrained=True)", ("timm", "vit", "", False)),
    "yolo": ("from ultralytics import YOLO\nYOLO('yolov8n.pt')", ("ultralytics", "yolov8n.pt", "", True)),
}


@pytest.mark.parametrize(("code", "expected"), MODELS.values(), ids=MODELS.keys())
def test_named_models_are_references(read, code: str, expected: tuple[str, str, str, bool]) -> None:
    (model,) = read(code).models
    assert (model.provider, model.name, model.revision, model.executes) == expected


NO_MODEL = {
    "local-path": "from transformers import AutoModel\nAutoModel.from_pretrained('./model')",
    "local-folder": "from transformers import AutoModel\nAutoModel.from_pretrained('models/bert')",
    "absolute-path": "from transformers import AutoModel\nAutoModel.from_pretrained('/srv/m')",
    "variable": "from transformers import AutoModel\ndef f(p):\n    AutoModel.from_pretrained(p)",
    "local-hub": "import torch\ntorch.hub.load('org/repo', 'm', source='local')",
    "untrained": "import timm\ntimm.create_model('vit')",
    "data-model": "class A:\n    model = 'car'",
    "own-loader": "from model import GPT\nGPT.from_pretrained('scratch')",
    "weights-file": "from ultralytics import YOLO\nYOLO('runs/best.pt')",
    "sklearn-pipeline": "from sklearn.pipeline import make_pipeline\nmake_pipeline('a', model='b')",
}


@pytest.mark.parametrize("code", NO_MODEL.values(), ids=NO_MODEL.keys())
def test_other_names_are_no_references(read, code: str) -> None:
    assert read(code).models == ()


def test_endpoints_are_told_without_credentials(read) -> None:
    module = read(
        """
        '''See https://docs.example.com/a'''
        import requests
        API_URL = "https://user:secret@api.example.com:8443/v1?key=abc"
        requests.get("http://localhost:11434/api")
        # https://comment.example.com
        text = "https://not-an-address.example.com"
        """
    )
    assert [(entry.url, entry.host, entry.purpose) for entry in module.endpoints] == [
        ("https://api.example.com:8443/v1", "api.example.com", "API_URL"),
        ("http://localhost:11434/api", "localhost", "requests.get"),
    ]
