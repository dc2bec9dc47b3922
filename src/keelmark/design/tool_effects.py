"""What tools of a model do outside the process, told by the names of the calls they make."""

from __future__ import annotations

import re2

__all__ = ["commands", "lasting"]

_COMMANDS = (
    "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "builtins.eval", "builtins.exec",
    "fabric.Connection.run", "invoke.run", "os.popen", "os.spawn", "os.system", "paramiko.", "pexpect.",
    "subprocess.", "docker.", "*.exec_command", "*.exec_run", "*.run_code",
)  # fmt: skip

# Calls whose effect lasts or reaches other people. Reading, searching and computing are none of these.
_LASTING = re2.compile(
    r"(?i)^(os\.(remove|unlink|rename|replace|rmdir|removedirs|makedirs|mkdir|chmod|chown|kill)"
    r"|shutil\.(rmtree|move|copy\w*)"
    r"|smtplib\..*|email_sender\..*|sendgrid\..*|twilio\..*|slack_sdk\..*post\w*|stripe\..*"
    r"|(requests|httpx|aiohttp|urllib3)\.(\w+\.)*(post|put|patch|delete)"
    r"|(\w|\.)*\.(write_text|write_bytes|unlink|rmdir|rmtree|to_sql|to_csv|sendmail|send_message|send_email|chat_postMessage"
    r"|create_payment|put_object|delete_object|upload_file|insert_one|insert_many|update_one|update_many|delete_one"
    r"|delete_many|drop|commit|executemany|executescript)"
    r"|\*\.(write_text|write_bytes|unlink|rmtree|sendmail|send_message|send_email|commit|executemany|executescript))$"
)


def commands(effects: tuple[str, ...]) -> tuple[str, ...]:
    """Those effects that run commands or code."""
    return tuple(name for name in effects if name.startswith(_COMMANDS))


def lasting(effects: tuple[str, ...]) -> tuple[str, ...]:
    """Those effects that run commands, change something or reach other people."""
    return tuple(name for name in effects if name.startswith(_COMMANDS) or _LASTING.match(name))
