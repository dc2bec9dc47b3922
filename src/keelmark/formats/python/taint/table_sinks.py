"""Sinks as data: the call, the argument that does the harm, and what must hold besides."""

from __future__ import annotations

from dataclasses import dataclass

import re2

from keelmark.core.facts import Sink

__all__ = [
    "DATABASE_RECEIVER",
    "DATABASE_ROOTS",
    "SINKS",
    "SQL_METHODS",
    "SQL_WORDS",
    "SYSTEM_KEYWORDS",
    "SinkSpec",
    "system_keyword",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSpec:
    """One dangerous argument of one call.

    Attributes:
        position: Index of the argument; -1 when the receiver itself is the argument.
        keywords: The argument by keyword.
        condition: Name of what must hold besides: `shell`, `pickled`, `weights`, `yaml`, `unsafe-html`, or "".
    """

    kind: Sink
    position: int = 0
    keywords: tuple[str, ...] = ()
    condition: str = ""


def _many(kind: Sink, names: str, **details: object) -> dict[str, tuple[SinkSpec, ...]]:
    spec = SinkSpec(kind=kind, **details)  # type: ignore[arg-type]  # the table below names only fields that exist
    return dict.fromkeys(names.split(), (spec,))


_SUBPROCESS = "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
_PATH_METHODS = "open read_text read_bytes write_text write_bytes unlink rmdir mkdir touch rename replace iterdir glob chmod"
_REQUESTS = "get post put delete patch head options"
_CLIENTS = "requests requests.Session requests.sessions.Session httpx httpx.Client httpx.AsyncClient aiohttp.ClientSession"

SINKS: dict[str, tuple[SinkSpec, ...]] = {
    **_many(Sink.COMMAND, "os.system os.popen", keywords=("command", "cmd")),
    **_many(Sink.COMMAND, "subprocess.getoutput subprocess.getstatusoutput", keywords=("cmd",)),
    **_many(Sink.COMMAND, "asyncio.create_subprocess_shell asyncio.subprocess.create_subprocess_shell"),
    **_many(
        Sink.COMMAND,
        "asyncio.create_subprocess_exec os.execv os.execve os.execvp os.execl os.execlp os.startfile",
    ),
    **_many(Sink.COMMAND, "os.spawnl os.spawnv os.spawnlp os.spawnvp", position=1),
    **_many(Sink.COMMAND, _SUBPROCESS, keywords=("args",), condition="shell"),
    **_many(Sink.COMMAND, "pexpect.spawn pexpect.run pty.spawn commands.getoutput popen2.popen2"),
    **_many(Sink.COMMAND, "paramiko.SSHClient.exec_command fabric.Connection.run fabric.Connection.sudo"),
    **_many(Sink.COMMAND, "invoke.run"),
    **_many(Sink.COMMAND, "langchain_community.tools.ShellTool.run langchain.tools.ShellTool.run"),
    **_many(
        Sink.CODE, "builtins.eval builtins.exec builtins.compile builtins.__import__ importlib.import_module"
    ),
    **_many(Sink.CODE, "pandas.eval numexpr.evaluate code.InteractiveInterpreter.runsource runpy.run_path"),
    **_many(Sink.CODE, "langchain_experimental.utilities.PythonREPL.run langchain.utilities.PythonREPL.run"),
    **_many(Sink.CODE, "langchain_experimental.utilities.python.PythonREPL.run"),
    **_many(
        Sink.CODE,
        "langchain_experimental.tools.PythonREPLTool.run langchain_experimental.tools.PythonAstREPLTool.run",
    ),
    **_many(Sink.CODE, "asteval.Interpreter.eval", position=0),
    **_many(
        Sink.SQL,
        "sqlalchemy.text sqlalchemy.sql.text sqlalchemy.sql.expression.text django.db.models.expressions.RawSQL",
    ),
    **_many(Sink.SQL, "pandas.read_sql pandas.read_sql_query", keywords=("sql",)),
    **_many(Sink.SQL, "duckdb.sql duckdb.query duckdb.execute"),
    **_many(Sink.PATH, "builtins.open io.open codecs.open gzip.open bz2.open lzma.open", keywords=("file",)),
    **_many(Sink.PATH, "aiofiles.open tarfile.open zipfile.ZipFile", keywords=("file",)),
    **_many(
        Sink.PATH,
        "os.remove os.unlink os.rmdir os.removedirs os.mkdir os.makedirs os.listdir os.scandir os.chmod",
    ),
    **_many(Sink.PATH, "os.open os.rename os.replace os.walk os.truncate", keywords=("path",)),
    **_many(Sink.PATH, "shutil.rmtree shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move"),
    **_many(
        Sink.PATH, "flask.send_file flask.helpers.send_file", keywords=("path_or_file", "filename_or_fp")
    ),
    **_many(Sink.PATH, "fastapi.responses.FileResponse starlette.responses.FileResponse", keywords=("path",)),
    **_many(
        Sink.PATH,
        "fastapi.FileResponse aiohttp.web.FileResponse django.http.FileResponse",
        keywords=("path",),
    ),
    **_many(
        Sink.PATH, "pandas.read_csv pandas.read_excel pandas.read_parquet pandas.read_json numpy.loadtxt"
    ),
    **_many(Sink.PATH, " ".join(f"pathlib.Path.{method}" for method in _PATH_METHODS.split()), position=-1),
    **_many(
        Sink.URL,
        " ".join(f"{client}.{method}" for client in _CLIENTS.split() for method in _REQUESTS.split()),
        keywords=("url",),
    ),
    **_many(
        Sink.URL,
        " ".join(f"{client}.{method}" for client in _CLIENTS.split() for method in ("request", "stream")),
        position=1,
        keywords=("url",),
    ),
    **_many(
        Sink.URL,
        "urllib.request.urlopen urllib.request.urlretrieve urllib.request.Request",
        keywords=("url",),
    ),
    **_many(Sink.URL, "urllib2.urlopen urllib3.request", keywords=("url",)),
    **_many(Sink.URL, "urllib3.PoolManager.request", position=1, keywords=("url",)),
    **_many(
        Sink.URL, "langchain_community.document_loaders.WebBaseLoader", keywords=("web_path", "web_paths")
    ),
    **_many(Sink.HTML, "markupsafe.Markup flask.Markup jinja2.Markup django.utils.safestring.mark_safe"),
    **_many(
        Sink.HTML, "fastapi.responses.HTMLResponse starlette.responses.HTMLResponse", keywords=("content",)
    ),
    **_many(Sink.HTML, "streamlit.markdown streamlit.write", keywords=("body",), condition="unsafe-html"),
    **_many(Sink.HTML, "streamlit.html streamlit.components.v1.html", keywords=("body", "html")),
    **_many(Sink.HTML, "IPython.display.HTML"),
    **_many(
        Sink.TEMPLATE,
        "jinja2.Template jinja2.Environment.from_string mako.template.Template",
        keywords=("source",),
    ),
    **_many(
        Sink.TEMPLATE,
        "flask.render_template_string flask.templating.render_template_string",
        keywords=("source",),
    ),
    **_many(Sink.TEMPLATE, "django.template.Template"),
    **_many(Sink.DESERIALISE, "pickle.loads pickle.load cPickle.loads cPickle.load pickle.Unpickler"),
    **_many(
        Sink.DESERIALISE, "cloudpickle.loads cloudpickle.load dill.loads dill.load marshal.loads marshal.load"
    ),
    **_many(
        Sink.DESERIALISE,
        "joblib.load jsonpickle.decode pandas.read_pickle shelve.open",
        keywords=("filename",),
    ),
    **_many(Sink.DESERIALISE, "torch.load", keywords=("f",), condition="weights"),
    **_many(Sink.DESERIALISE, "numpy.load", keywords=("file",), condition="pickled"),
    **_many(Sink.DESERIALISE, "yaml.load yaml.load_all", keywords=("stream",), condition="yaml"),
    **_many(Sink.DESERIALISE, "yaml.unsafe_load yaml.full_load yaml.unsafe_load_all"),
    **_many(
        Sink.DESERIALISE, "keras.models.load_model tensorflow.keras.models.load_model", keywords=("filepath",)
    ),
    **_many(
        Sink.SYSTEM_PROMPT,
        "langchain.schema.SystemMessage langchain_core.messages.SystemMessage langchain.schema.messages.SystemMessage "
        "langchain_core.messages.system.SystemMessage langchain.prompts.SystemMessagePromptTemplate.from_template "
        "langchain_core.prompts.SystemMessagePromptTemplate.from_template langchain.messages.SystemMessage",
        keywords=("content",),
    ),
}

SQL_METHODS = frozenset(
    {
        "execute",
        "executemany",
        "executescript",
        "exec_driver_sql",
        "run_sql",
        "raw",
        "fetch",
        "fetchrow",
        "fetchval",
        "fetch_all",
        "fetch_one",
        "run",
    }
)
DATABASE_ROOTS = (
    "sqlite3.",
    "psycopg.",
    "psycopg2.",
    "pymysql.",
    "MySQLdb.",
    "mysql.connector.",
    "asyncpg.",
    "aiosqlite.",
    "sqlalchemy.",
    "sqlmodel.",
    "duckdb.",
    "pyodbc.",
    "cx_Oracle.",
    "oracledb.",
    "snowflake.",
    "google.cloud.bigquery.",
    "clickhouse_driver.",
    "databases.",
    "django.db.",
    "langchain_community.utilities.SQLDatabase",
    "langchain.utilities.SQLDatabase",
    "langchain.sql_database.SQLDatabase",
)
DATABASE_RECEIVER = re2.compile(
    r"(?i)(^|[._])(cur|cursor|curs|conn|connection|con|db|database|engine|session|sql|sqlite|pg|postgres|mysql|tx|pool)"
    r"(\(\))?$"
)
SQL_WORDS = re2.compile(
    r"(?is)^\s*(select\b.*\bfrom\b|insert\s+into\b|update\b.*\bset\b|delete\s+from\b|drop\s+(table|database)\b"
    r"|create\s+(table|database|index|view)\b|alter\s+table\b|truncate\b|with\s+\w+\s+as\b|pragma\b|exec\b)"
)

# Keywords that carry the system prompt, with the callees on which they do.
SYSTEM_KEYWORDS = frozenset(
    {"system", "system_prompt", "instructions", "system_instruction", "system_message"}
)
_SYSTEM_CALLEE = re2.compile(
    r"(?i)((messages|responses|chat|completions|assistants|generate|beta)\.(create|stream|parse)|\b(Agent|LlmAgent|"
    r"AssistantAgent|ConversableAgent|CodeAgent|ReActAgent|FunctionAgent|GenerativeModel|create_react_agent|"
    r"create_agent|GenerateContentConfig|SimpleChatEngine\.\w+|as_chat_engine))$"
)


def system_keyword(callee: str, keyword: str) -> bool:
    """Whether this keyword of this call carries the system prompt."""
    return keyword in SYSTEM_KEYWORDS and _SYSTEM_CALLEE.search(callee) is not None
