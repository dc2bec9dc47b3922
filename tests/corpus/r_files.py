"""Objects in R's own format, put together by hand: with tricks and clean.

The name of a malicious file starts with the technique that it is, up to `__`. Payloads call `true`.
"""

from __future__ import annotations

import struct

NIL, UNBOUND, GLOBAL = struct.pack(">i", 254), struct.pack(">i", 252), struct.pack(">i", 253)


def _r(number):
    return struct.pack(">i", number)


def r_char(text):
    return _r(0x40009) + _r(len(text)) + text.encode()


def r_symbol(name):
    return _r(1) + r_char(name)


def r_text(text):
    return _r(16) + _r(1) + r_char(text)


def r_call(name, *arguments):
    head = name if isinstance(name, bytes) else r_symbol(name)
    return _r(6) + head + b"".join(_r(2) + item for item in arguments) + NIL


def r_list(*items):
    return _r(19) + _r(len(items)) + b"".join(items)


def r_function(body):
    return _r(0x403) + GLOBAL + NIL + body


def r_promise(expression, value=UNBOUND):
    return _r(0x405) + GLOBAL + value + expression


def r_pairs(**bindings):
    return b"".join(_r(0x402) + r_symbol(name) + value for name, value in bindings.items()) + NIL


def r_environment(**bindings):
    return _r(4) + _r(0) + GLOBAL + r_pairs(**bindings) + NIL + NIL


def rds(content, *, version=3):
    return (
        b"X\n"
        + _r(version)
        + _r(0x40202)
        + _r(0x30500)
        + (_r(5) + b"UTF-8" if version == 3 else b"")
        + content
    )


def _files():
    runs = r_call("system", r_text("true"))
    text = "A\n3\n262658\n197888\n5\nUTF-8\n1029\n253\n252\n6\n1\n262153\n6\nsystem\n2\n16\n1\n262153\n4\ntrue\n254\n"
    bad = {
        "promise.rds": rds(r_promise(runs)),
        "promise_of_old.rds": rds(r_promise(runs), version=2),
        "promise_of_anything.rds": rds(r_promise(r_call("print", r_text("x")))),
        "promise_in_list.rds": rds(r_list(r_promise(runs))),
        "promise_in_attribute.rds": rds(_r(0x20D) + _r(1) + _r(7) + r_pairs(names=r_promise(runs))),
        "promise_in_text.rds": text.encode(),
        "workspace.RData": b"RDX3\n" + rds(r_pairs(model=r_promise(runs))),
        "in_frame.rds": rds(r_environment(x=r_promise(runs))),
        "parsed_in_frame.rds": rds(r_environment(x=r_promise(r_call("eval", r_call("parse", r_text("1")))))),
        "function.rds": rds(r_list(r_function(runs))),
        "function_of_package.rds": rds(
            r_function(r_call(r_call("::", r_symbol("base"), r_symbol("system2")), r_text("true")))
        ),
        "by_name.rds": rds(r_function(r_call("do.call", r_text("system"), r_list(r_text("true"))))),
        "nested.rds": rds(r_function(r_call("{", r_call("if", r_symbol("a"), runs)))),
        "stored_call.rds": rds(r_list(r_text("lm"), runs)),
        "expression.rds": rds(_r(20) + _r(1) + runs),
    }
    bad = {f"serialised-code__{name}": data for name, data in bad.items()}
    bad["file-operator__mapped.rds"] = rds(
        _r(238) + r_pairs_of("mmap_real", "base", 14) + r_text("/etc/passwd") + NIL
    )
    bad["hidden-data__behind.rds"] = rds(r_text("x")) + bytes(64)
    formula = r_call("~", r_symbol("y"), r_symbol("x"))
    good = {
        "numbers.rds": rds(_r(14) + _r(2) + bytes(16)),
        "model.rds": rds(r_list(formula, r_call("lm", formula, r_symbol("data")), r_function(r_call("exp", r_symbol("eta"))))),
        "frame.rds": rds(r_environment(data=r_promise(r_symbol("mtcars")), extra=r_promise(r_call("match.arg", r_symbol("type"))))),
        "forced.rds": rds(r_environment(x=r_promise(runs, value=_r(13) + _r(1) + _r(0)))),
        "variable.rds": rds(r_function(r_call("+", r_symbol("system"), r_symbol("shell")))),
        "compact.rds": rds(_r(238) + r_pairs_of("compact_intseq", "base", 13) + _r(14) + _r(3) + bytes(24) + NIL),
        "workspace.RData": b"RDX3\n" + rds(r_pairs(a=r_text("x"), b=r_function(r_symbol("x")))),
    }  # fmt: skip
    return bad, good


def r_pairs_of(name, package, kind):
    """Class, package and type of a vector in a form of its own."""
    return _r(2) + r_symbol(name) + _r(2) + r_symbol(package) + _r(2) + _r(13) + _r(1) + _r(kind) + NIL


def malicious():
    """Files that reach further than their numbers."""
    return _files()[0]


def benign():
    """Their clean twins, as R writes them."""
    return _files()[1]
