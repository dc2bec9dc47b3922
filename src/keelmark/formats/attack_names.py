"""Names that attacks in Python need: what fetches, decodes, sends and runs, and where secrets lie."""

from __future__ import annotations

import re2

__all__ = [
    "CELL_RUNS",
    "DECODES",
    "FETCHES",
    "HIDING",
    "HINTS",
    "LISTS",
    "MAGICS",
    "NATIVE",
    "PASSES",
    "PASSING_FIELDS",
    "PASSING_METHODS",
    "REACHES",
    "RUNS",
    "SECRET_FOLDER",
    "SECRET_PATH",
    "SENDS",
    "SESSIONS",
    "SHELLS",
    "SHELL_METHODS",
    "SHOWS",
    "TOKENS",
    "TOKEN_PATH",
    "UNPICKLES",
]

_HTTP = ("requests", "httpx", "urllib3")
FETCHES = frozenset({
    *(f"{package}.{verb}" for package in _HTTP for verb in ("get", "post", "put", "request")),
    "urllib.request.urlopen", "urllib.urlopen", "urllib2.urlopen", "urllib.request.Request",
})  # fmt: skip
SENDS = frozenset({
    *(f"{package}.{verb}" for package in _HTTP for verb in ("get", "post", "put", "patch", "request")),
    "urllib.request.urlopen", "urllib.urlopen", "urllib2.urlopen", "urllib.request.Request",
})  # fmt: skip
SESSIONS = frozenset({"requests.Session", "requests.session", "httpx.Client", "urllib3.PoolManager"})
DECODES = frozenset({
    "base64.b64decode", "base64.urlsafe_b64decode", "base64.standard_b64decode", "base64.b32decode", "base64.b16decode",
    "base64.a85decode", "base64.b85decode", "base64.decodebytes", "base64.decodestring", "binascii.unhexlify",
    "binascii.a2b_base64", "bytes.fromhex", "bytearray.fromhex", "codecs.decode", "zlib.decompress", "marshal.loads",
    "bz2.decompress", "lzma.decompress",
})  # fmt: skip
# What keeps the origin of what it is given.
PASSES = frozenset({
    "str", "bytes", "bytearray", "memoryview", "compile", "io.BytesIO", "io.StringIO", "textwrap.dedent", "gzip.decompress",
    "json.dumps", "dict", "list", "repr", "base64.b64encode", "urllib.parse.quote", "urllib.parse.urlencode", "next", "iter",
    "pickle.dumps", "zlib.compress", "gzip.compress", "tuple", "reversed", "map",
})  # fmt: skip
PASSING_METHODS = frozenset({
    "decode", "encode", "read", "strip", "replace", "format", "join", "splitlines", "lstrip", "rstrip", "getvalue", "recv",
    "readline", "open", "expanduser", "resolve", "copy", "items", "values", "makefile", "accept", "read_text", "read_bytes", "readlines", "hex", "split",
})  # fmt: skip
PASSING_FIELDS = frozenset({"text", "content", "raw", "data", "body"})
RUNS = frozenset(
    {"exec", "eval", "builtins.exec", "builtins.eval", "execfile", "types.FunctionType", "FunctionType"}
)
CELL_RUNS = frozenset({"run_cell", "ex", "run_code", "ev"})
SHELLS = frozenset({
    "os.system", "os.popen", "os.execl", "os.execlp", "os.execv", "os.execvp", "os.spawnl", "subprocess.run",
    "subprocess.call", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call", "subprocess.getoutput",
    "subprocess.getstatusoutput", "commands.getoutput", "pty.spawn", "asyncio.create_subprocess_shell",
})  # fmt: skip
SHELL_METHODS = frozenset({"system", "getoutput", "system_raw", "system_piped", "sx"})
# Calls that show script or markup, and magics by what they run.
SHOWS = {
    "Javascript": "script",
    "display_javascript": "script",
    "HTML": "page",
    "display_html": "page",
    "SVG": "page",
}
MAGICS = {
    "bash": "shell", "sh": "shell", "script": "shell", "sx": "shell", "system": "shell", "javascript": "script", "js": "script",
    "html": "page", "svg": "page", "HTML": "page",
}  # fmt: skip
REACHES = frozenset(
    {"system", "popen", "exec", "eval", "Popen", "check_output", "__import__", "run_cell", "spawn"}
)
HIDING = frozenset({"os", "subprocess", "builtins", "pty", "posix", "nt", "commands"})
NATIVE = frozenset(
    {"VirtualAlloc", "VirtualAllocEx", "CreateRemoteThread", "WriteProcessMemory", "RtlMoveMemory"}
)
SECRET_PATH = re2.compile(
    r"(?i)(\.ssh[/\\]+id_(rsa|dsa|ecdsa|ed25519)$|\.aws[/\\]+credentials|\.git-credentials|\.kube[/\\]+config|\.docker[/\\]+config\.json"
    r"|\.netrc$|/etc/shadow|/etc/passwd|gcloud[/\\]+application_default_credentials|\.kaggle[/\\]+kaggle\.json|Login Data$|/proc/self/environ)"
)
LISTS = frozenset({"glob.glob", "glob.iglob", "os.listdir", "os.scandir", "os.walk"})
SECRET_FOLDER = re2.compile(r"(?:~|/root|/home/[^/]+|HOME)?/?\.(?:ssh|aws|gnupg|kube|azure)(?:/|$)")
TOKEN_PATH = re2.compile(r"\.?(?:cache/)?huggingface/(?:token|stored_tokens)$")
TOKENS = frozenset(
    {
        "huggingface_hub.get_token",
        "huggingface_hub.HfFolder.get_token",
        "HfFolder.get_token",
        "huggingface_hub.utils.get_token",
    }
)
UNPICKLES = frozenset({
    "pickle.load", "pickle.loads", "dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "torch.load",
    "pandas.read_pickle", "pd.read_pickle", "_pickle.loads", "marshal.loads",
})  # fmt: skip
HINTS = re2.compile(
    r"\b(exec|eval|execfile|FunctionType|system|popen|subprocess|pty|dup2|environ|run_cell|__import__|import_module|VirtualAlloc"
    r"|socket|getoutput|commands|getattr|get_ipython|urlopen|requests|httpx|read_pickle)\b|\.ssh|/etc/|startup/|customize\.py|\.(bash|zsh)|\.pth\b|cron"
)
