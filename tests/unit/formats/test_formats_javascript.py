from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import PromptRole
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.javascript import READER
from keelmark.formats.source import Source


def source(text: str | bytes, path: str = "a.ts") -> Source:
    return Source.of_bytes(text if isinstance(text, bytes) else text.encode(), path=path)


def module(text: str, path: str = "a.ts"):
    (reading,) = READER.read(source(text, path))
    return reading.module


def test_names_are_resolved_through_imports():
    found = module(
        'import { exec as run } from "node:child_process";\nimport * as fs from "fs";\nconst { readFile } = require("fs/promises");\n'
        'const cp = require("child_process");\nrun("ls");\nfs.unlink(x);\nreadFile(p);\ncp.spawn("a", ["b"], {shell: true});\neval(x);\n'
        'db.query("x");\nlocal();\nlocal.thing();\n'
    )
    assert [call.name for call in found.calls if call.name != "require"] == [
        "child_process.exec", "fs.unlink", "fs/promises.readFile", "child_process.spawn", "eval", "*.query",
    ]  # fmt: skip
    spawn = found.calls[3]
    assert spawn.arguments[0].literal == "a"
    assert spawn.arguments[1].items == ("b",)
    assert spawn.arguments[2].items == ("shell",)


def test_text_that_is_made_a_template_is_a_prompt():
    found = module(
        'import { ChatPromptTemplate } from "langchain/prompts";\nconst QA = `Answer from {context}.\\nQuestion: {question}`;\n'
        "const NOTE = `Answer from {context} only.`;\nexport const p = ChatPromptTemplate.fromTemplate(QA);\n"
        'other.fromTemplate("x {y}");\n'
    )
    assert [(p.name, p.role, p.placeholders) for p in found.prompts] == [
        ("QA", PromptRole.TEMPLATE, ("context", "question"))
    ]


def test_express_route_knows_its_guards_and_reach():
    found = module(
        'import express from "express";\nimport { exec } from "child_process";\nconst app = express();\n'
        'app.get("/open", (req, res) => exec(req.query.x));\napp.use(requireAuth);\n'
        'app.post("/closed", rateLimit({}), handler);\napp.get("env");\nother.get("/x", y);\n'
    )
    first, second = found.routes
    assert (first.path, first.methods, first.guards, first.reaches) == (
        "/open",
        ("GET",),
        (),
        ("child_process.exec",),
    )
    assert (second.guards, second.limits, second.handler) == (("requireAuth",), ("rateLimit({})",), "handler")


def test_handler_named_author_is_no_guard():
    found = module(
        'const express = require("express");\nconst r = express.Router();\nr.get("/a", loadAuthor, show);\n',
        "a.js",
    )
    assert found.routes[0].guards == ()


def test_fastify_route_object():
    found = module(
        'import Fastify from "fastify";\nconst f = Fastify();\nf.route({ method: ["GET", "POST"], url: "/x", preHandler: [verifyJwt], handler: go });\n'
    )
    assert (found.routes[0].methods, found.routes[0].path) == (("GET", "POST"), "/x")
    assert found.routes[0].guards


def test_next_route_that_needs_the_profile_of_the_caller_is_guarded():
    text = "import { getServerProfile } from '@/lib/server'\nexport async function POST(req) { const p = await getServerProfile(); return p }\n"
    (route,) = module(text, "app/api/chat/route.ts").routes
    assert route.guards == ("getServerProfile(",)


def test_next_routes_come_from_their_path():
    text = "export async function POST(req) { const s = await getServerSession(); return s }\nexport const GET = () => 1;\nexport const runtime = 'edge';\n"
    first, second = module(text, "src/app/(group)/api/chat/route.ts").routes
    assert (first.path, first.methods, first.guards) == ("/api/chat", ("POST",), ("getServerSession(",))
    assert (second.methods, second.guards) == (("GET",), ())
    assert module("export default function h(req, res) {}", "pages/api/x.js").routes[0].path == "/api/x"
    assert module(text, "src/lib/route2.ts").routes == ()


def test_hosted_models_and_prompts():
    found = module(
        'import OpenAI from "openai";\nconst c = new OpenAI();\n'
        'c.chat.completions.create({ model: "gpt-4o-2024-08-06", messages: [{ role: "system", content: "Be kind." }, { role: "user", content: `hi ${x}` }] });\n'
        "const SYSTEM_PROMPT = `You are a careful assistant for ${company} and help everyone.`;\n"
    )
    (model,) = found.models
    assert (model.provider, model.name, model.revision, model.line) == (
        "openai",
        "gpt-4o-2024-08-06",
        "2024-08-06",
        3,
    )
    assert [(p.role, p.placeholders) for p in found.prompts] == [
        (PromptRole.SYSTEM, ()),
        (PromptRole.SYSTEM, ("company",)),
    ]
    assert "openai.chat.completions.create" in {call.name for call in found.calls}


def test_models_of_a_gateway_are_named_once_with_their_maker():
    found = module(
        'import { gateway } from "@ai-sdk/gateway";\nexport const DEFAULT_CHAT_MODEL = "google/gemini-2.5-flash-lite";\n'
        'const chatModels = [{ id: "anthropic/claude-haiku-4.5", name: "Claude" }];\n'
        'const a = gateway.languageModel("openai/gpt-4.1-mini");\nconst b = gateway("xai/grok-4");\n'
    )
    assert [(model.provider, model.name) for model in found.models] == [
        ("anthropic", "anthropic/claude-haiku-4.5"),
        ("google", "google/gemini-2.5-flash-lite"),
        ("openai", "openai/gpt-4.1-mini"),
        ("xai", "xai/grok-4"),
    ]


def test_paths_that_begin_like_a_maker_are_no_models():
    found = module(
        'import { z } from "ai";\nconst x = { id: "google/fonts", name: "Fonts" };\nconst file = { model: "a/b" };\n'
        'const dataModel = "./openai/x";\nconst carModel = "tesla/model-3";\n'
    )
    assert found.models == ()


def test_routes_handed_on_from_another_module_are_routes():
    found = module('export { GET, POST } from "@/app/auth";\n', "app/(auth)/api/auth/[...nextauth]/route.ts")
    assert [(route.path, route.methods, bool(route.guards)) for route in found.routes] == [
        ("/api/auth/[...nextauth]", ("GET",), True),
        ("/api/auth/[...nextauth]", ("POST",), True),
    ]


def test_model_of_a_car_is_no_hosted_model():
    found = module('import express from "express";\nconst car = { model: "gpt-4o" };\n')
    assert found.models == ()
    found = module(
        'import OpenAI from "openai";\nimport A from "@anthropic-ai/sdk";\nconst car = { model: "T-1000" };\n'
    )
    assert found.models == ()


def test_mcp_tools():
    found = module(
        'import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";\nimport fs from "fs";\nconst server = new McpServer({});\n'
        'server.tool("read", "Reads", { path: z.string() }, async ({ path }) => fs.readFileSync(path));\n'
        'server.registerTool("rm", { description: "Removes", inputSchema: { id: z.number() } }, async () => { await confirmWithUser(); });\n'
    )
    first, second = found.tools
    assert (first.name, first.description, first.parameters, first.effects) == (
        "read",
        "Reads",
        ("path",),
        ("fs.readFileSync",),
    )
    assert (second.name, second.description, second.parameters) == ("rm", "Removes", ("id",))
    assert second.approvals


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("await rateLimit(ip);", ("rateLimit(",)),
        ("await ratelimit.limit(ip);", ("ratelimit.limit(",)),
        ("limit(3);", ()),
    ],
)
def test_handler_of_next_that_limits_its_callers(line, limits):
    text = f"export async function POST(request: Request) {{\n  {line}\n  return answer(request);\n}}\n"
    (route,) = module(text, "src/app/api/chat/route.ts").routes
    assert route.limits == limits


def test_tools_that_a_server_lists_when_asked():
    found = module(
        'import { Server } from "@modelcontextprotocol/sdk/server/index.js";\n'
        'import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";\n'
        'const READ: Tool = { name: "read", description: `Reads\\na file`, inputSchema: { type: "object", properties: { path: {} } } };\n'
        "server.setRequestHandler(ListToolsRequestSchema, async () => ({\n"
        '  tools: [READ, { name: "now", description: "Time", inputSchema: { type: "object", properties: {} } as any } as Tool, unknown] as Tool[],\n}));\n'
        'server.setRequestHandler(ListPromptsRequestSchema, async () => ({ tools: [{ name: "no" }] }));\n'
    )
    assert [(t.name, t.framework, t.parameters) for t in found.tools] == [
        ("read", "mcp", ("path",)),
        ("now", "mcp", ()),
    ]


def test_tool_registered_through_a_parameter_and_constants():
    found = module(
        'import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";\nconst name = "echo";\n'
        'const config = { description: "Echoes", inputSchema: { text: z.string() } };\n'
        "export const register = (server: McpServer) => {\n  server.registerTool(name, config, async () => ({}));\n};\n"
    )
    (tool,) = found.tools
    assert (tool.name, tool.description, tool.parameters) == ("echo", "Echoes", ("text",))


def test_joined_texts_are_one_constant():
    found = module('eval("a" + "b" + \'c\');\neval("a" + x);\neval(1 + 2);\n')
    assert [call.arguments[0].literal for call in found.calls] == ["abc", None, None]


def test_endpoints_lose_their_credentials():
    found = module(
        'const a = "https://u:pw@api.acme.org/v1";\nconst b = `https://x.acme.org/${id}`;\nconst n = "http://www.w3.org/2000/svg";\n'
    )
    assert [(e.url, e.host) for e in found.endpoints] == [
        ("https://api.acme.org/v1", "api.acme.org"), ("https://x.acme.org/", "x.acme.org"),
    ]  # fmt: skip


def test_markers_stand_in_comments_only():
    assert module('// TODO: x\nconst a = "TODO";\n/* FIXME */\n').markers == (1, 3)


def test_jsx_and_types_are_valid_source():
    for path, text in (
        ("a.tsx", "const A = (p: P): JSX.Element => <div>{p.x}</div>;"),
        ("a.jsx", "const A = () => <div/>;"),
    ):
        (reading,) = READER.read(source(text, path))
        assert reading.gaps == ()


def test_broken_source_is_a_gap_with_its_line():
    (reading,) = READER.read(source("const a = 1;\nfunction (((\n"))
    assert reading.gaps[0].line == 2
    assert reading.module.lines == 2


def test_minified_source_is_counted_only():
    (reading,) = READER.read(source("a();" * 10_000, "x.js"))
    assert "minified" in reading.gaps[0].detail


def test_deep_nesting_is_a_limit():
    with pytest.raises(LimitExceededError):
        READER.read(source("f(\n" * 3000 + ")" * 3000))


def test_other_files_are_not_claimed():
    assert not READER.recognises(source("x", "a.vue"))
    assert not READER.recognises(source(b"G\x40\x00\x10" * 100, "video.ts"))
    assert not READER.recognises(source("<?xml version='1.0'?><TS>", "a.ts"))


@given(st.binary(max_size=200), st.sampled_from(["a.js", "a.ts", "a.tsx"]))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data, path):
    with contextlib.suppress(KeelmarkError):
        assert READER.read(source(data, path))


@given(
    st.lists(
        st.sampled_from(
            [
                "app.get(",
                '"/x"',
                ",",
                ")",
                "{",
                "}",
                "=>",
                "model:",
                "const a =",
                "import x from",
                "`",
                "${",
                "new X",
                "\n",
            ]
        ),
        max_size=30,
    )
)
def test_any_order_of_words_is_read(words):
    assert READER.read(source('import app from "express";' + " ".join(words)))
