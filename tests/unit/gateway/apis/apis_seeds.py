"""Well-formed requests, answers and events of every interface, and a way to damage them."""

import copy
import random

WEATHER = {
    "name": "look",
    "description": "Looks.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
}
PNG = "data:image/png;base64,iVBORw0KGgo="
REQUESTS = {
    "/v1/chat/completions": [
        {
            "model": "m", "max_tokens": 5, "temperature": 0.5, "stop": ["x"], "n": 2, "stream": True, "logit_bias": {"5": 1},
            "stream_options": {"include_usage": True}, "metadata": {"a": "b"}, "tool_choice": {"type": "function", "function": {"name": "look"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
            "tools": [{"type": "function", "function": WEATHER}, {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}],
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "t", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "content": "rain", "tool_call_id": "t"},
            ],
        },
        {"model": "m", "messages": [{"role": "user", "content": "x", "name": "n"}], "functions": [WEATHER], "function_call": "auto",
         "prediction": {"type": "content", "content": "x"}},
    ],
    "/v1/completions": [{"model": "m", "prompt": ["a", "b"], "suffix": "c", "best_of": 2, "logprobs": 1, "echo": False}],
    "/v1/embeddings": [{"model": "m", "input": ["a", "b"], "dimensions": 5, "encoding_format": "float"}],
    "/v1/responses": [{
        "model": "m", "instructions": "be brief", "max_output_tokens": 5, "text": {"format": {"type": "text"}},
        "tools": [{"type": "function", **WEATHER}], "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low"},
        "input": [
            {"role": "user", "content": "hi"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PNG},
                {"type": "input_file", "file_data": "AAAA", "filename": "a.pdf"}]},
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "AAAA"},
            {"type": "function_call", "call_id": "t", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t", "output": "rain"},
            {"type": "function_call_output", "call_id": "t", "output": [{"type": "input_text", "text": "rain"}]},
        ],
    }],
    "/v1/messages": [{
        "model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "look", "description": "Looks.", "input_schema": WEATHER["parameters"]}], "stop_sequences": ["x"],
        "thinking": {"type": "enabled", "budget_tokens": 5}, "output_config": {"format": {"type": "json_schema", "schema": {}}},
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "hi"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "of others"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "more"}]}},
                {"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": "found"}]}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "redacted_thinking", "data": "AAAA"},
                {"type": "tool_use", "id": "t", "name": "look", "input": {"q": "a"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "rain"}]},
                {"type": "tool_result", "tool_use_id": "t", "content": "rain", "is_error": False}]},
        ],
    }],
    "/v1/messages/count_tokens": [{"model": "m", "messages": [{"role": "user", "content": "x"}], "system": "y"}],
    "/v1/predict/m": [{"rows": [[1, 2.5, "x"], {"a": None}]}],
    "/v1/models/m:predict": [{"instances": [[1, 2], ["a"]]}],
    "/v2/models/m/infer": [{
        "id": "1", "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2.5], [3, 4]]},
                              {"name": "y", "shape": [1], "datatype": "BYTES", "data": ["text"]}], "outputs": [{"name": "z"}],
    }],
    "/mcp/s": [
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "look", "arguments": {"q": "a"}}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "x"}},
        {"jsonrpc": "2.0", "id": "a", "result": {"content": {"type": "text", "text": "x"}}},
        {"jsonrpc": "2.0", "id": "a", "error": {"code": -1, "message": "x"}},
    ],
}  # fmt: skip

ATOMS = [
    None, True, 0, 1, -1, 2, 10**15, 0.5, "", "x", "user", "tool", "text", "function", "function_call", "message", [], {}, [1],
    ["x"], [[]], [{}], {"type": "text"}, {"a": {"b": ["c"]}}, {"type": "x", "text": 5}, PNG, "https://a.example", {"url": 5},
]  # fmt: skip


def damaged(value, seed: int):
    """A copy in which up to three places hold something else, are gone, or are there twice."""
    chance = random.Random(seed)
    holder = [copy.deepcopy(value)]
    for _ in range(chance.randint(1, 3)):
        parent, key = holder, 0
        while type(parent[key]) in {dict, list} and parent[key] and chance.random() < 0.8:
            parent = parent[key]
            key = chance.choice(list(parent)) if type(parent) is dict else chance.randrange(len(parent))
        act = chance.random()
        if act < 0.6 or parent is holder:
            parent[key] = copy.deepcopy(chance.choice(ATOMS))
        elif act < 0.8:
            del parent[key]
        elif type(parent) is dict:
            parent[chance.choice(["x", "type", "content", "text", "data", "id"])] = copy.deepcopy(parent[key])
        else:
            parent.insert(0, copy.deepcopy(parent[key]))
    return holder[0]
