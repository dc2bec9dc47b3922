"""Agent frameworks as data: how a function becomes a tool, ready-made tools, and calls with an effect outside."""

from __future__ import annotations

import re2

__all__ = [
    "AGENT_KEYWORDS",
    "APPROVAL",
    "APPROVAL_KEYWORDS",
    "EFFECTS",
    "EFFECT_METHODS",
    "READY_MADE",
    "TOOL_BASES",
    "TOOL_CLASSES",
    "TOOL_TAKERS",
    "decorator_framework",
    "framework_of",
]

_DECORATORS: tuple[tuple[str, str], ...] = (
    (r"^(langchain|langchain_core|langchain_community|langgraph)\..*\btool$", "langchain"),
    (r"^smolagents\.(\w+\.)*tool$", "smolagents"),
    (r"^crewai(_tools)?\.(\w+\.)*tool$", "crewai"),
    (r"^agents\.(\w+\.)*function_tool$", "openai-agents"),
    (r"^pydantic_ai\.(\w+\.)*(Agent|FunctionToolset)\.tool(_plain)?$", "pydantic-ai"),
    (r"^semantic_kernel\.(\w+\.)*kernel_function$", "semantic-kernel"),
    (r"^(autogen|ag2|pyautogen)\.(\w+\.)*register_for_(llm|execution)$", "autogen"),
    (r"^(mcp|fastmcp)\.(\w+\.)*(FastMCP|MCPServer)\.tool$", "mcp"),
    (r"^mcp\.(\w+\.)*Server\.call_tool$", "mcp"),
    (
        r"^(llama_index|haystack|phi|agno|dspy|google\.adk|strands|anthropic|marvin|controlflow)\.(\w+\.)*(beta_)?tool$",
        "",
    ),
)
_COMPILED = tuple((re2.compile(pattern), framework) for pattern, framework in _DECORATORS)

TOOL_CLASSES: dict[str, str] = {
    "StructuredTool.from_function": "langchain",
    "StructuredTool": "langchain",
    "Tool": "langchain",
    "Tool.from_function": "langchain",
    "FunctionTool.from_defaults": "llama-index",
    "FunctionTool": "google-adk",
    "LongRunningFunctionTool": "google-adk",
    "FunctionSchema": "openai",
}
TOOL_BASES: dict[str, str] = {
    "BaseTool": "langchain",
    "StructuredTool": "langchain",
    "Tool": "smolagents",
    "BaseToolkit": "",
}

READY_MADE = frozenset(
    {
        "PythonREPLTool",
        "PythonAstREPLTool",
        "PythonInterpreterTool",
        "CodeInterpreterTool",
        "CodeInterpreter",
        "ShellTool",
        "BashProcess",
        "FileManagementToolkit",
        "WriteFileTool",
        "ReadFileTool",
        "DeleteFileTool",
        "CopyFileTool",
        "MoveFileTool",
        "FileReadTool",
        "FileWriterTool",
        "DirectoryReadTool",
        "SQLDatabaseToolkit",
        "QuerySQLDataBaseTool",
        "QuerySQLDatabaseTool",
        "RequestsToolkit",
        "RequestsGetTool",
        "RequestsPostTool",
        "GmailToolkit",
        "SlackToolkit",
        "GitHubToolkit",
        "JiraToolkit",
        "PlayWrightBrowserToolkit",
        "ScrapeWebsiteTool",
        "SerperDevTool",
        "TavilySearch",
        "TavilySearchResults",
        "DuckDuckGoSearchRun",
        "DuckDuckGoSearchTool",
        "WikipediaQueryRun",
        "ArxivQueryRun",
        "VisitWebpageTool",
        "WebSearchTool",
        "FileSearchTool",
        "ComputerTool",
        "LocalShellTool",
        "HostedMCPTool",
    }
)

# Calls that hand tools to a model.
TOOL_TAKERS = re2.compile(
    r"(^|\.)(bind_tools|ToolNode|create_react_agent|create_tool_calling_agent|create_openai_functions_agent"
    r"|create_openai_tools_agent|create_structured_chat_agent|create_agent|create_deep_agent|initialize_agent|AgentExecutor"
    r"|Agent|LlmAgent|AssistantAgent|ToolCallingAgent|CodeAgent|ReActAgent|FunctionAgent|FunctionCallingAgent|OpenAIAgent"
    r"|Toolset|FunctionToolset|GenerativeModel|from_tools|Crew)$"
)
AGENT_KEYWORDS = frozenset({"tools", "functions", "toolset"})

EFFECTS = re2.compile(
    r"^(subprocess\.(run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|os\.(system|popen|remove|unlink|rmdir"
    r"|removedirs|rename|replace|makedirs|mkdir|kill|execv\w*|spawn\w+|chmod|chown|putenv)"
    r"|asyncio\.create_subprocess_(shell|exec)|builtins\.(eval|exec)"
    r"|shutil\.(rmtree|move|copy|copyfile|copytree)|pathlib\.Path\.(write_text|write_bytes|unlink|rmdir|rename|replace|mkdir|touch)"
    r"|(requests|httpx|requests\.Session|httpx\.Client|httpx\.AsyncClient|aiohttp\.ClientSession)\.(post|put|delete|patch)"
    r"|smtplib\..*(sendmail|send_message)|paramiko\..*exec_command|boto3\.(client|resource)\..*"
    r"\.(put_|delete_|create_|update_|terminate_|send_|start_|stop_|run_|invoke|upload_)\w*"
    r"|stripe\.\w+(\.\w+)*\.(create|modify|delete|capture)|twilio\..*create|slack_sdk\..*(chat_postMessage|files_upload)"
    r"|docker\..*(run|exec_run|remove)|kubernetes\..*(create_|delete_|patch_)\w+"
    r"|(\w+\.)*(PythonREPL|PythonAstREPLTool|PythonREPLTool|BashProcess|ShellTool)\.run|pyautogui\.\w+|git\.Repo\..*(push|commit)"
    r"|github\..*(create_\w+|merge|delete\w*|edit))$"
)
EFFECT_METHODS = frozenset(
    {"exec_command", "exec_run", "sendmail", "send_message", "write_text", "write_bytes", "unlink"}
)

APPROVAL = re2.compile(
    r"(?i)(^|[._])(input|interrupt|confirm\w*|ask_(user|human|approval|permission)|human_(approval|input|confirmation)"
    r"|request_(approval|confirmation|permission)|require_(approval|confirmation)|approve\w*|get_approval|wait_for_approval"
    r"|elicit|AskUserMessage|AskActionMessage|HumanApprovalCallbackHandler|HumanInTheLoopMiddleware)$"
)
APPROVAL_KEYWORDS = frozenset(
    {
        "needs_approval",
        "requires_confirmation",
        "require_confirmation",
        "requires_approval",
        "require_approval",
        "interrupt_before",
        "interrupt_after",
        "interrupt_on",
        "human_input",
        "human_in_the_loop",
    }
)
_FRAMEWORKS = {
    "langchain": "langchain",
    "langchain_core": "langchain",
    "langchain_community": "langchain",
    "langchain_experimental": "langchain",
    "langchain_openai": "langchain",
    "langchain_anthropic": "langchain",
    "langchain_google_genai": "langchain",
    "langchain_ollama": "langchain",
    "langgraph": "langchain",
    "deepagents": "langchain",
    "llama_index": "llama-index",
    "crewai": "crewai",
    "crewai_tools": "crewai",
    "smolagents": "smolagents",
    "transformers": "smolagents",
    "agents": "openai-agents",
    "openai": "openai",
    "anthropic": "anthropic",
    "pydantic_ai": "pydantic-ai",
    "semantic_kernel": "semantic-kernel",
    "autogen": "autogen",
    "autogen_agentchat": "autogen",
    "autogen_core": "autogen",
    "google": "google-adk",
    "mcp": "mcp",
    "fastmcp": "mcp",
    "haystack": "haystack",
    "agno": "agno",
    "phi": "agno",
    "dspy": "dspy",
    "strands": "strands",
}


def framework_of(name: str) -> str:
    """Agent framework that a dotted name belongs to, or ""."""
    return _FRAMEWORKS.get(name.partition(".")[0], "")


def decorator_framework(name: str) -> str:
    """Framework of a decorator that makes a tool, or ""."""
    for pattern, framework in _COMPILED:
        if pattern.search(name):
            return framework or framework_of(name) or name.partition(".")[0]
    return ""
