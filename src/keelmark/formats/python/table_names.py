"""Names as data: what calls give back, and which calls are worth keeping when the receiver is unknown."""

from __future__ import annotations

__all__ = ["KEPT_BUILTINS", "RESULTS", "SAME_CLASS", "WATCHED_METHODS"]

# Result of a call, where it is not enough to name it like the callee.
RESULTS: dict[str, str] = {
    "pathlib.Path.resolve": "pathlib.Path",
    "pathlib.Path.absolute": "pathlib.Path",
    "pathlib.Path.expanduser": "pathlib.Path",
    "pathlib.Path.joinpath": "pathlib.Path",
    "pathlib.Path.with_suffix": "pathlib.Path",
    "pathlib.Path.with_name": "pathlib.Path",
    "pathlib.Path.cwd": "pathlib.Path",
    "pathlib.Path.home": "pathlib.Path",
    "pathlib.PurePath": "pathlib.PurePath",
    "sqlite3.connect": "sqlite3.Connection",
    "sqlite3.Connection.cursor": "sqlite3.Cursor",
    "sqlite3.connect.cursor": "sqlite3.Cursor",
    "builtins.str": "",
    "builtins.dict": "",
    "builtins.list": "",
    "builtins.set": "",
    "builtins.tuple": "",
    "builtins.int": "",
    "builtins.float": "",
    "builtins.getattr": "",
    "builtins.next": "",
    "builtins.len": "",
    "builtins.super": "",
}

# Methods that give back an object of the same class.
SAME_CLASS = frozenset(
    {
        "from_pretrained",
        "from_defaults",
        "from_documents",
        "from_texts",
        "from_llm",
        "from_config",
        "bind_tools",
        "with_structured_output",
        "with_config",
        "with_options",
        "with_retry",
        "with_fallbacks",
        "cuda",
        "half",
        "eval",
        "__enter__",
        "__aenter__",
    }
)

KEPT_BUILTINS = frozenset(
    f"builtins.{name}"
    for name in ("eval", "exec", "compile", "open", "input", "__import__", "breakpoint", "globals", "setattr")
)

# Methods that matter even when nothing is known about the object they are called on.
WATCHED_METHODS = frozenset(
    {
        "abatch",
        "acreate",
        "add_middleware",
        "add_node",
        "agenerate",
        "ainvoke",
        "arun",
        "astream",
        "batch",
        "before_request",
        "bind_tools",
        "chat",
        "complete",
        "completion",
        "create",
        "execute",
        "executemany",
        "executescript",
        "exec_command",
        "exec_run",
        "extra",
        "fit",
        "from_pretrained",
        "from_string",
        "generate",
        "generate_content",
        "get_relevant_documents",
        "html",
        "include_router",
        "invoke",
        "launch",
        "load_dataset",
        "load_model",
        "load_state_dict",
        "markdown",
        "predict",
        "push_to_hub",
        "queue",
        "raw",
        "render_template_string",
        "run",
        "run_code",
        "run_sql",
        "save_pretrained",
        "send_message",
        "similarity_search",
        "stream",
        "train",
    }
)
