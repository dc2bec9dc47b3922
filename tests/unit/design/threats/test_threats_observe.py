"""What is seen of small systems: parts, flows, and what must not be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Effect
from keelmark.design.threats.library.own import read_own
from keelmark.design.threats.observe import observe
from keelmark.design.threats.paths import match

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.project import Project
    from keelmark.core.system_model import SystemModel

    Build = Callable[[dict[str, str]], Project]

K = ComponentKind

AGENT = """\
from openai import OpenAI
from shop import tools, store
client = OpenAI()
def answer(question):
    texts = store.search(question)
    return client.chat.completions.create(model="gpt-4o-2024-08-06", messages=[{"role": "user", "content": question}], tools=tools.TOOLS)
"""
APP = """\
from fastapi import FastAPI
from shop import agent
app = FastAPI()
@app.post("/chat")
def chat(text: str):
    return agent.answer(text)
@app.get("/health")
def health():
    return "ok"
"""
TOOLS = """\
import subprocess
def ping(host):
    return subprocess.run(f"ping {host}", shell=True)
TOOLS = [{"type": "function", "function": {"name": "ping", "description": "Ping.", "parameters": {"type": "object", "properties": {"host": {"type": "string"}}}}}]
"""
STORE = """\
import requests
def search(question):
    return open("data/help.jsonl").read()
def reindex(url):
    return requests.get(url).text
"""
SHOP = {
    "shop/__init__.py": "",
    "shop/agent.py": AGENT,
    "shop/app.py": APP,
    "shop/tools.py": TOOLS,
    "shop/store.py": STORE,
    "data/help.jsonl": '{"id": 1, "body": "how to return"}\n{"id": 2, "body": "how to pay"}\n',
}


def kinds(system: SystemModel) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for element in system.elements:
        found.setdefault(element.kind.value, []).append(element.name)
    return found


def applying(system: SystemModel) -> set[str]:
    return {threat.id for threat in read_own().threats if match(system, threat.patterns).paths}


def test_parts_of_an_agent_behind_a_route_are_seen(project: Build) -> None:
    system = observe(project(SHOP))
    found = kinds(system)
    assert found["agent"] == ["shop"]
    assert found["api"] == ["/chat"]
    assert found["tool"] == ["ping"]
    assert found["retrieval-store"] == ["store"]
    assert found["model"] == ["gpt-4o-2024-08-06"]
    assert "/health" not in found["api"]
    assert system.by_id["ping"].effect is Effect.EXECUTE
    assert system.by_id["ping"].has_approval is False


def test_what_a_user_writes_is_followed_to_the_shell_of_a_tool(project: Build) -> None:
    system = observe(project(SHOP))
    threat = next(each for each in read_own().threats if each.id == "output-run-as-command")
    shown = [[element.name for element in path.elements] for path in match(system, threat.patterns).paths]
    assert ["user", "/chat", "shop", "gpt-4o-2024-08-06", "ping", "shell of shop"] in shown


def test_store_that_is_fed_from_an_address_is_an_untrusted_one(project: Build) -> None:
    system = observe(project(SHOP))
    assert any(link.target == "store" and link.trust is FlowTrust.THIRD_PARTY for link in system.links)
    assert {"retrieval-store-poisoned", "retrieved-text-drives-tool"} <= applying(system)


def test_two_programs_that_share_nothing_have_no_path_between_them(project: Build) -> None:
    other = (
        AGENT.replace("from shop import tools, store\n", "")
        .replace("store.search(question)", "[]")
        .replace(", tools=tools.TOOLS", "")
    )
    files = {
        "bot/app.py": APP.replace("from shop import agent", "from bot import agent"),
        "bot/agent.py": other,
        "bot/__init__.py": "",
        "jobs/__init__.py": "",
        "jobs/tools.py": TOOLS,
        "jobs/agent.py": AGENT.replace("from shop import tools, store", "from jobs import tools").replace(
            "store.search(question)", "[]"
        ),
    }
    system = observe(project(files))
    threat = next(each for each in read_own().threats if each.id == "output-run-as-command")
    shown = [[element.name for element in path.elements] for path in match(system, threat.patterns).paths]
    assert not any("/chat" in path for path in shown)


def test_server_of_tools_in_a_client_configuration_is_seen_with_its_reader(project: Build) -> None:
    files = {
        ".mcp.json": '{"mcpServers": {"files": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem@latest", "/"], "autoApprove": ["write_file"]}, "t": {"type": "http", "url": "https://mcp.example.org/mcp"}}}'
    }
    system = observe(project(files))
    files_server, remote = system.by_id["files"], system.by_id["t"]
    assert (files_server.effect, files_server.has_approval, files_server.is_pinned) == (
        Effect.WRITE,
        False,
        False,
    )
    assert (remote.boundary, remote.executes, remote.is_pinned) == ("outside", False, None)
    assert {"mcp-server-drives-tool", "mcp-server-changes"} <= applying(system)


def test_model_from_a_hub_that_runs_its_own_code(project: Build) -> None:
    code = 'from transformers import AutoModelForCausalLM\nm = AutoModelForCausalLM.from_pretrained("acme/llama-x", trust_remote_code=True)\n'
    system = observe(project({"run.py": code}))
    assert system.by_id["acme/llama-x"].executes is True
    assert {"weights-run-code", "model-changes-unnoticed", "weights-from-elsewhere-misbehave"} <= applying(
        system
    )


def test_hosted_model_runs_no_code_here(project: Build) -> None:
    code = 'from openai import OpenAI\nOpenAI().chat.completions.create(model="gpt-4o-2024-08-06", messages=[])\n'
    assert "weights-run-code" not in applying(observe(project({"run.py": code})))


def test_training_on_data_from_a_hub(project: Build) -> None:
    code = (
        "from datasets import load_dataset\nfrom transformers import Trainer, AutoModelForSequenceClassification\n"
        'data = load_dataset("imdb")\nmodel = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")\n'
        "trainer = Trainer(model=model, train_dataset=data)\ntrainer.train()\n"
    )
    system = observe(project({"train.py": code}))
    assert any(link.sink == "training" and link.trust is FlowTrust.THIRD_PARTY for link in system.links)
    assert "third-party-data-poisons-training" in applying(system)


def test_preparing_data_trains_no_model(project: Build) -> None:
    code = (
        "from sklearn.feature_extraction.text import CountVectorizer\nv = CountVectorizer()\nv.fit(['a'])\n"
    )
    assert not observe(project({"features.py": code})).elements


def test_classifier_behind_a_route_can_be_evaded_and_copied(project: Build) -> None:
    files = {
        "app.py": "import joblib\nfrom fastapi import FastAPI\napp = FastAPI()\nmodel = joblib.load('model.joblib')\n"
        "@app.post('/predict')\ndef predict(x: float):\n    return model.predict([[x]])\n"
    }
    found = applying(observe(project(files)))
    assert {"input-evades-model", "model-extracted", "service-exhausted", "weights-run-code"} <= found
    assert "jailbreak" not in found


@pytest.mark.parametrize("guard", ["", "from slowapi import Limiter\n"])
def test_program_without_ai_has_no_element(project: Build, guard: str) -> None:
    code = f"{guard}from fastapi import FastAPI\napp = FastAPI()\n@app.get('/x')\ndef x():\n    return 1\n"
    assert not observe(project({"app.py": code})).elements


def test_tests_and_examples_are_no_part_of_the_system(project: Build) -> None:
    assert not observe(project({"tests/test_agent.py": AGENT, "examples/demo.py": AGENT})).elements


def test_pipeline_that_runs_text_of_outsiders(project: Build) -> None:
    text = (
        "on: issues\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
        '      - run: echo "${{ github.event.issue.title }}"\n'
    )
    assert "pipeline-taken-over" in applying(observe(project({".github/workflows/t.yml": text})))


def test_what_was_not_looked_at_is_named(project: Build) -> None:
    system = observe(project({**SHOP, "shop/broken.py": "def x(:\n"}))
    assert any("shop/broken.py" in words for words in system.unseen)


def test_model_is_the_same_each_time(project: Build) -> None:
    built = project(SHOP)
    assert observe(built) == observe(built)


def test_tokenizer_is_no_model(project: Build) -> None:
    code = 'from transformers import GPT2TokenizerFast\nt = GPT2TokenizerFast.from_pretrained("gpt2")\n'
    assert "gpt2" not in {element.name for element in observe(project({"count.py": code})).elements}


def test_model_that_training_starts_from_answers_nobody(project: Build) -> None:
    code = (
        "from transformers import Trainer, AutoModelForSequenceClassification\nfrom fastapi import FastAPI\napp = FastAPI()\n"
        'model = AutoModelForSequenceClassification.from_pretrained("bert-base-uncased")\n'
        "@app.post('/predict')\ndef predict(text: str):\n    return model.predict(text)\n"
        "def train(data):\n    trainer = Trainer(model=model, train_dataset=data)\n    trainer.train()\n"
    )
    system = observe(project({"serve.py": code}))
    assert ("bert-base-uncased", "user") not in {(link.source, link.target) for link in system.links}
    assert "weights-from-elsewhere-misbehave" in applying(system)


def test_name_that_promises_a_change_is_not_called_harmless(project: Build) -> None:
    code = (
        "from langchain_core.tools import tool\nfrom langgraph.prebuilt import create_react_agent\nfrom desk import api\n"
        '@tool\ndef delete_ticket(number: int) -> str:\n    """Delete."""\n    return api.call(number)\n'
        '@tool\ndef count_tickets(number: int) -> str:\n    """Count."""\n    return api.call(number)\n'
        'agent = create_react_agent("openai:gpt-4o", [delete_ticket, count_tickets])\n'
    )
    system = observe(project({"agent.py": code}))
    assert system.by_id["delete_ticket"].effect is None
    assert system.by_id["count_tickets"].effect is Effect.READ


def test_pipeline_stage_says_what_a_model_is_trained_on(project: Build) -> None:
    files = {
        "dvc.yaml": "stages:\n  train:\n    cmd: python src/train.py data/features\n    deps: [data/features, src/train.py]\n    outs: [model.pkl]\n",
        "src/train.py": "import pickle\nfrom sklearn.ensemble import RandomForestClassifier\nm = RandomForestClassifier()\n"
        "m.fit([[1]], [1])\npickle.dump(m, open('model.pkl', 'wb'))\n",
    }
    system = observe(project(files))
    assert any(link.source == "features" and link.sink == "training" for link in system.links)
    assert "training-data-changed" in applying(system)
