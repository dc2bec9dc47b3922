"""Models, addresses, prompts, tools and pages that are named in settings, mappings and defaults."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason
from keelmark.formats.python.reader import READER
from keelmark.formats.source import Source


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "from pydantic import BaseModel, Field\nclass S(BaseModel):\n    rerank_llm: str = Field(default='BAAI/bge-reranker-large')",
            ("huggingface", "BAAI/bge-reranker-large"),
        ),
        (
            "EMBEDDING_MODEL = 'sentence-transformers/all-MiniLM-L6-v2'",
            ("huggingface", "sentence-transformers/all-MiniLM-L6-v2"),
        ),
        ("def f(model='openai/clip-vit-base-patch32'): ...", ("huggingface", "openai/clip-vit-base-patch32")),
        ("MODEL = 'openai/gpt-4o-mini'", ("openai", "openai/gpt-4o-mini")),
        (
            "from transformers import CLIPTokenizer\ndef f(version='a/b-c'):\n    return CLIPTokenizer.from_pretrained(version)",
            ("huggingface", "a/b-c"),
        ),
        (
            "import keras_hub\nm = keras_hub.models.CausalLM.from_preset('gemma3_1b')",
            ("keras-hub", "gemma3_1b"),
        ),
        ("register(Chat('gpt-4o-mini', vision=True))", ("openai", "gpt-4o-mini")),
    ],
)
def test_model_that_only_a_setting_or_default_names(read, code, expected):
    found = read(code).models
    assert [(model.provider, model.name) for model in found] == [expected]


FETCHED = (
    "import torch\nfrom huggingface_hub import hf_hub_download\n"
    "f = hf_hub_download(repo_id='org/m', filename='consolidated.00.pth')\n"
)


@pytest.mark.parametrize(
    ("loading", "executes"),
    [
        ("torch.load(f, weights_only=True)", False),
        ("torch.load(f)", True),
        ("torch.load(f, weights_only=True)\ntorch.load(f, weights_only=False)", True),
        ("print(f)", True),
    ],
)
def test_checkpoint_of_which_only_weights_are_taken_runs_no_code(read, loading, executes):
    (model,) = read(FETCHED + loading).models
    assert model.executes is executes


@pytest.mark.parametrize(
    "code",
    [
        "from anthropic import Anthropic\nc = Anthropic()\nc.messages.create(model='default', messages=[])",
        "model_dir = 'data/models'",
        "embed_path = 'microsoft'",
        "from transformers import AutoModel\ndef f(path):\n    return AutoModel.from_pretrained(path)",
        "from huggingface_hub import snapshot_download\nsnapshot_download(repo_id='a/b', repo_type='dataset')",
        "raise UnknownModel('no such thing')",
        "print('gpt-4o')",
    ],
)
def test_what_names_no_model(read, code):
    assert read(code).models == ()


def test_addresses_that_weights_come_from_are_endpoints(read):
    module = read(
        "_MODELS = {'tiny': 'https://cdn.example.net/tiny.pt', 'n': 3}\nLINKS = ['https://a.example/x']"
    )
    assert [endpoint.host for endpoint in module.endpoints] == ["cdn.example.net"]


def test_address_of_a_server_in_a_mapping_is_an_endpoint(read):
    module = read("connect(servers={'docs': {'transport': 'http', 'url': 'https://mcp.example.net/mcp'}})")
    assert [endpoint.url for endpoint in module.endpoints] == ["https://mcp.example.net/mcp"]


def test_prompts_of_a_mapping_are_named_by_their_keys(read):
    module = read(
        "PROMPT_DICT = {'with_input': 'You are a helper. Answer the question: {q}', 'n': 'x', 2: 'y'}"
    )
    assert [(prompt.name, prompt.placeholders) for prompt in module.prompts] == [
        ("PROMPT_DICT.with_input", ("q",))
    ]


def test_message_named_prompt_is_told_once(read):
    module = read("prompt = {'role': 'system', 'content': 'You are a careful assistant for questions.'}")
    assert [prompt.name for prompt in module.prompts] == ["content"]


def test_tool_named_by_an_enumeration(read):
    module = read(
        """
        from enum import Enum
        from mcp.types import Tool
        class Tools(str, Enum):
            NOW = "get_time"
        class Plain:
            NOW = "no_tool"
        def listed():
            return [Tool(name=Tools.NOW.value, description="x", inputSchema={})]
        """
    )
    assert [tool.name for tool in module.tools] == ["get_time"]


def test_schema_of_an_object_that_describes_any_tool_is_no_tool(read):
    module = read(
        """
        class Kind:
            name = "kind"
            def schema(self):
                return {"name": self.name, "description": self.text, "input_schema": self.shape}
        """
    )
    assert module.tools == ()


def test_page_of_another_module_is_a_route_where_it_is_launched(read):
    module = read("from .ui import Page\nPage().build().launch(server_name='0.0.0.0', share=True)")
    assert [(route.framework, route.guards) for route in module.routes] == [("gradio", ())]
    assert read("from .x import browser\nbrowser().launch(headless=True)").routes == ()


def test_newer_grammar_is_not_called_broken():
    def gap(code: str):
        source = Source.of_bytes(code.encode(), path="a.py")
        (reading,) = READER.read(source)
        return reading.gaps[0]

    assert gap("x = f'{a['b']}'\n").reason is GapReason.UNSUPPORTED
    assert gap("def :\n").reason is GapReason.MALFORMED
