from __future__ import annotations

import pytest

from keelmark.core.asset import AssetKind
from keelmark.core.facts import (
    AgentTool,
    Endpoint,
    FileFacts,
    Import,
    Manifest,
    ModelFile,
    Module,
    Pipeline,
    Pointer,
    PointerKind,
    Reading,
    Requirement,
    Resource,
    Service,
    Stage,
)
from keelmark.development.assets.inventory import take_inventory

LARGE = 100_000


def file(path: str, *readings: Reading, size: int = 10) -> FileFacts:
    return FileFacts(path=path, size=size, readings=readings)


def model(path: str, size: int = LARGE, **facts) -> FileFacts:
    described = {"format": "numpy", "can_execute": False} | facts
    return file(path, Reading(format=described["format"], models=(ModelFile(**described),)), size=size)


def manifest(form: str, ecosystem: str, *names: str) -> Reading:
    required = tuple(Requirement(name=name, line=number) for number, name in enumerate(names, start=1))
    return Reading(
        format=form,
        manifest=Manifest(format=form, ecosystem=ecosystem, is_lock=False, requirements=required),
    )


def test_what_pip_adds_to_conda_is_a_second_list():
    both = (manifest("conda", "conda", "python", "numpy"), manifest("conda", "pypi", "mlflow"))
    lists = take_inventory([file("environment.yaml", *both)]).of(AssetKind.MANIFEST)
    assert [(asset.format, asset.get("packages")) for asset in lists] == [("conda", "2"), ("conda-pip", "1")]


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (model("assets/mel_filters.npz", size=4_271), AssetKind.SOURCE),
        (model("data/indices.p", format="pickle"), AssetKind.DATASET),
        (model("data/features.npy"), AssetKind.DATASET),
        (model("out/weights.npz"), AssetKind.MODEL),
        (model("model/final.npz"), AssetKind.MODEL),
        (model("a.pkl", format="pickle", globals=("sklearn.svm.SVC",)), AssetKind.MODEL),
        (model("a.pkl", format="pickle", can_execute=None), AssetKind.MODEL),
        (model("a.pkl", format="pickle", can_execute=True), AssetKind.MODEL),
        (model("a.onnx", format="onnx"), AssetKind.MODEL),
    ],
)
def test_plain_values_are_no_model_unless_their_name_says_so(facts, kind):
    inventory = take_inventory([facts])
    assert [asset.kind for asset in inventory.assets] == [kind]
    assert ("model-file" in inventory.traits) == (kind is AssetKind.MODEL)


def lock(*outputs: str) -> FileFacts:
    stage = Stage(name="train", command="x", line=1, inputs=("src/a.py",), outputs=outputs)
    digests = (("src/a.py", "md5:1"), *((path, "md5:2") for path in outputs))
    pipeline = Pipeline(system="dvc", is_lock=True, stages=(stage,), digests=digests)
    return file("dvc.lock", Reading(format="dvc-lock", pipeline=pipeline))


def test_outputs_that_only_a_lock_knows_are_absent():
    found = take_inventory([lock("model.pkl", "data/prepared")])
    absent = found.of(AssetKind.ABSENT_MODEL, AssetKind.ABSENT_DATA)
    assert {(asset.kind, asset.path, asset.is_present) for asset in absent} == {
        (AssetKind.ABSENT_MODEL, "model.pkl", False),
        (AssetKind.ABSENT_DATA, "data/prepared", False),
    }
    assert "model-file" in found.traits


def test_outputs_that_are_here_or_have_a_pointer_are_not_told_twice():
    pointer = Pointer(kind=PointerKind.DVC, target="data/x.csv", digest="2", algorithm="md5")
    files = [
        lock("model.pkl", "data/prepared", "data/x.csv"),
        file("model.pkl"),
        file("data/prepared/part.csv"),
        file("data/x.csv.dvc", Reading(format="dvc", pointers=(pointer,))),
    ]
    absent = take_inventory(files).of(AssetKind.ABSENT_MODEL, AssetKind.ABSENT_DATA)
    assert [(asset.path, asset.get("pointer")) for asset in absent] == [("data/x.csv", "data/x.csv.dvc")]


def test_picture_behind_a_pointer_is_no_dataset_unless_it_lies_with_data():
    def pointed(path: str) -> FileFacts:
        target = Pointer(kind=PointerKind.GIT_LFS, target=path, digest="2", algorithm="sha256")
        return file(path, Reading(format="git-lfs", pointers=(target,)))

    shown = take_inventory([pointed("docs/TheModelTab.png"), pointed("logo.jpg")])
    assert (shown.assets, shown.traits) == ((), ())
    kept = take_inventory([pointed("data/cat.jpg"), pointed("w.safetensors")])
    assert [asset.kind for asset in kept.assets] == [AssetKind.ABSENT_DATA, AssetKind.ABSENT_MODEL]


def test_blocks_that_set_up_nothing_are_no_infrastructure():
    kinds = ("variable", "locals", "output", "terraform", "aws_s3_bucket", "module", "data.aws_iam_role")
    resources = tuple(Resource(system="terraform", kind=kind, name="x", line=1) for kind in kinds)
    found = take_inventory([file("main.tf", Reading(format="terraform", resources=resources))])
    names = [asset.name for asset in found.of(AssetKind.INFRASTRUCTURE)]
    assert names == ["aws_s3_bucket.x", "data.aws_iam_role.x", "module.x"]


def tools(*given: tuple[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    made = tuple(
        AgentTool(name=name, framework="mcp", line=number, parameters=parameters)
        for number, (name, parameters) in enumerate(given, start=1)
    )
    module = Module(language="python", lines=9, tools=made)
    found = take_inventory([file("server.py", Reading(format="python", module=module))])
    return [(asset.name, asset.get("answers for")) for asset in found.of(AssetKind.TOOL)]


def test_function_that_answers_for_all_tools_is_none_beside_them():
    handler = ("call_tool", ("name", "arguments"))
    assert tools(("fetch", ("url",)), handler) == [("fetch", "")]
    assert tools(handler) == [("call_tool", "every tool of the server")]


def test_service_tells_where_it_is_built_from():
    service = Service(system="compose", name="app", line=2, settings=(("build", "./api"),))
    (asset,) = take_inventory([file("compose.yml", Reading(format="compose", services=(service,)))]).assets
    assert asset.get("built from") == "./api"


def test_a_tool_has_the_digest_of_its_definition_where_that_is_stated():
    tools = tuple(
        AgentTool(name=name, framework="mcp", line=1, digest=digest)
        for name, digest in (("a", "0" * 64), ("b", ""))
    )
    found = take_inventory(
        [
            file(
                "t.json",
                Reading(format="tool-manifest", module=Module(language="json", lines=1, tools=tools)),
            )
        ]
    )
    assert [(each.name, each.digest) for each in found.of(AssetKind.TOOL)] == [
        ("a", f"sha256:{'0' * 64}"),
        ("b", ""),
    ]


def module(language: str, *imports: str, endpoint: str = "") -> Reading:
    said = tuple(Import(name=name, line=1) for name in imports)
    asked = (Endpoint(url=endpoint, host=endpoint.split("/")[2], line=2),) if endpoint else ()
    return Reading(format=language, module=Module(language=language, lines=3, imports=said, endpoints=asked))


@pytest.mark.parametrize(
    ("reading", "traits"),
    [
        (module("typescript", "@modelcontextprotocol/sdk/server/index.js.Server"), {"mcp"}),
        (module("typescript", "langchain/chat_models/openai.ChatOpenAI"), {"llm-application"}),
        (module("javascript", "openai"), {"llm-application"}),
        (module("typescript", "openai-edge.Configuration", "@acme/mcp.x", "react.useState"), set()),
        (
            module("typescript", endpoint="https://api.openai.com/v1/chat"),
            {"hosted-model", "llm-application"},
        ),
        (module("typescript", endpoint="https://platform.openai.com/docs"), set()),
    ],
)
def test_packages_and_hosts_of_a_script_show_what_kind_of_system_it_is(reading, traits):
    assert set(take_inventory([file("src/index.ts", reading)]).traits) == traits


def test_environment_file_names_the_hosted_models_that_it_chooses():
    reading = Reading(
        format="env",
        environment=(
            ("STRATEGIC_LLM", "openai:gpt-4o-mini", 1),
            ("CHAT_MODEL", "claude-sonnet-4-5", 2),
            ("MODEL_DIR", "gpt-4o", 3),
            ("EMBEDDING", "local", 4),
            ("OPENAI_API_KEY", "", 5),
        ),
    )
    found = take_inventory([file(".env.example", reading)]).assets
    hosted = [(a.name, a.format, a.line) for a in found if a.kind is AssetKind.HOSTED_MODEL]
    assert hosted == [("openai:gpt-4o-mini", "openai", 1), ("claude-sonnet-4-5", "anthropic", 2)]


@pytest.mark.parametrize(
    ("kind", "traits"),
    [
        ("aws_bedrockagent_agent", {"agent", "hosted-model", "llm-application"}),
        ("aws_bedrock_custom_model", {"hosted-model"}),
        ("Microsoft.CognitiveServices/accounts/deployments", {"hosted-model"}),
        ("aws_s3_bucket", set()),
    ],
)
def test_resource_that_is_a_model_or_agent_makes_an_ai_system(kind, traits):
    reading = Reading(
        format="terraform", resources=(Resource(system="terraform", kind=kind, name="a", line=1),)
    )
    assert set(take_inventory([file("main.tf", reading)]).traits) == traits
