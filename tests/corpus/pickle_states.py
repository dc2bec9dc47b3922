"""States that pickles set: those that a class of a library runs, writes or evaluates, and those that the library itself writes."""

from __future__ import annotations

import zlib

from tests.corpus.pickles import P2, P4, RUN, b, call, g, n, new, row, s, t, table

__all__ = ["benign", "malicious"]

_PARSER = """
def _parse_args(self, a, b, loc=0, scale=1):
    return (a, b), loc, scale

def _parse_args_rvs(self, a, b, loc=0, scale=1, size=None):
    return self._argcheck_rvs(a, b, loc, scale, size=size)

def _parse_args_stats(self, a, b, loc=0, scale=1, moments='mv'):
    return (a, b), loc, scale, moments
"""
_NORM = g("scipy.stats._continuous_distns", "norm_gen")
_DATA = g("statsmodels.base.data", "PandasData")
_FILE = g("sklearn_crfsuite._fileresource", "FileResource")
_FACTOR = g("formulaic.parser.types.factor", "Factor")
_MEMORY = g("joblib.memory", "Memory")
_STAN = g("cmdstanpy.model", "CmdStanModel")
_ITEM = g("_operator", "getitem")
_JAX = g("jax._src.array", "_reconstruct_array")
_STEMMER = new(g("sklearn.svm._classes", "SVC")) + table(language=s("english")) + b"b"
_ARRAY = g("numpy._core.multiarray", "_reconstruct")


def with_state(kind: bytes, state: bytes) -> bytes:
    """An object of a class, made without its constructor and given a state."""
    return P4 + new(kind) + state + b"b."


def _parsers() -> dict[str, str]:
    """Source that takes arguments apart, and does something more."""
    return {
        "default": _PARSER.replace("size=None", "size=__import__('os').system('true')"),
        "decorator": "@__import__('os').system\n" + _PARSER.strip(),
        "annotation": _PARSER.replace(
            "(self, a, b, loc=0, scale=1):", "(self, a: exec('0'), b, loc=0, scale=1):"
        ),
        "statement": _PARSER + "import os; os.system('true')\n",
        "other-call": _PARSER.replace("self._argcheck_rvs", "exec"),
        "broken": "def _parse_args(:",
    }


def layout(flags: int, *, place: int = 0, field: str = "O8", size: int = 8) -> bytes:
    """A structured type of numpy with one field, and a state as it is pickled."""
    inner = call(g("numpy", "dtype"), s(field), b"\x89", b"\x88")
    fields = b"}" + s("a") + t(inner, n(place)) + b"s"
    kind = call(g("numpy", "dtype"), s("V8"), b"\x89", b"\x88")
    return kind + t(n(3), s("|"), b"N", t(s("a")), fields, n(size), n(1), n(flags)) + b"b"


def levels(count: int, *, wide: int, letter: bytes = b"l") -> bytes:
    """Containers, each of which holds the one before `wide` times."""
    found = b"(" + s("x") + letter + b"\x94"
    for index in range(count):
        found += b"0(" + (b"h" + bytes([index])) * wide + letter + b"\x94"
    return found


def vocabulary(program: bytes) -> tuple[bytes, ...]:
    """What a vocabulary of spaCy is made of; one part is another pickle."""
    return b"N", b"N", b"N", b"N", b(program), b"N", g("spacy.lang.en.syntax_iterators", "noun_chunks")


def _methods() -> dict[str, bytes]:
    """Methods that are called, or whose names say that they reach further."""
    kept = call(g("builtins", "getattr"), _STEMMER, s("stem"))
    listed = g("sklearn.svm._classes", "SVC.decision_function")
    return {
        "method-called.pkl": P4 + call(kept, s("x")) + b".",
        "method-in-partial.pkl": P4 + call(call(g("functools", "partial"), kept), s("x")) + b".",
        "method-mapped.pkl": P4 + call(g("builtins", "map"), listed, row(s("x"))) + b".",
        "method-of-class-called.pkl": P4 + call(listed, s("x")) + b".",
        "method-of-class-made.pkl": P2 + b"(isklearn.svm._classes\nSVC.decision_function\n.",
        "method-of-class-as-object.pkl": P4 + b"(" + listed + b"o.",
        "method-that-saves.pkl": P4 + call(g("builtins", "getattr"), _STEMMER, s("save_model")) + b".",
        "method-of-class-that-saves.pkl": P4 + g("lightgbm.basic", "Booster.save_model") + b".",
        "method-of-method.pkl": P4 + call(g("builtins", "getattr"), kept, s("stem")) + b".",
        "named-function-called.pkl": P4
        + call(g("torch.utils.data._utils.collate", "default_collate"), row(n(1)))
        + b".",
        "method-of-standard-library.pkl": P4
        + call(g("builtins", "getattr"), g("pathlib", "PosixPath"), s("touch"))
        + b".",
        "method-as-factory.pkl": P4 + call(g("collections", "defaultdict"), kept) + b".",
        "method-as-factory-in-partial.pkl": P4
        + call(g("collections", "defaultdict"), call(g("functools", "partial"), listed, n(1)))
        + b".",
        "method-as-factory-in-state.pkl": P4
        + call(
            g("collections", "defaultdict"),
            call(g("functools", "partial"), g("builtins", "list")) + t(listed, t(), b"}", b"N") + b"b",
        )
        + b".",
        **{
            f"method-as-{name}.pkl": P4 + call(g("types", "SimpleNamespace")) + table(**{name: value}) + b"b."
            for name, value in (
                ("append", kept),
                ("extend", listed),
                ("add", call(g("functools", "partial"), listed)),
            )
        },
        "method-as-append-behind-others.pkl": P4
        + call(g("types", "SimpleNamespace"))
        + table(**{f"a{index}": n(index) for index in range(80)}, append=kept)
        + b"b.",
        "state-distribution-behind-others.pkl": with_state(
            _NORM, table(**{f"a{index}": n(index) for index in range(80)}, _parse_arg_template=s("import os"))
        ),
        "part-of-vocabulary.pkl": P4
        + call(g("spacy.vocab", "unpickle_vocab"), *vocabulary(P2 + RUN + b"."))
        + b".",
        "part-of-document.pkl": P4
        + call(g("spacy.tokens.doc", "unpickle_doc"), b"N", b(P2 + RUN + b"."), b(b"x"))
        + b".",
        "part-that-is-made.pkl": P4
        + call(g("spacy.tokens.doc", "unpickle_doc"), b"N", call(g("builtins", "input")), b(b"x"))
        + b".",
        "method-of-nobody.pkl": P4 + g("acme", "Model.stem") + b".",
    }


def malicious() -> dict[str, bytes]:
    """States that reach further than the object."""
    found = {
        f"state-distribution-{name}.pkl": with_state(_NORM, table(_parse_arg_template=s(source)))
        for name, source in _parsers().items()
    }
    pairs = row(t(s("_parse_arg_template"), s("import os")))
    prophet = "/usr/lib/python3.11/site-packages/prophet/stan_model/prophet_model.bin"
    formulas = {
        "call": "y ~ __import__('os').system('true')",
        "lambda": "y ~ I((lambda: 1)())",
        "attribute": "y ~ x.__class__",
        "item": "y ~ x[0]",
        "function": "y ~ np.load('weights.npy')",
    }
    found |= {
        f"state-formula-{name}.pkl": with_state(_DATA, table(formula=s(text), restore_design_info=b"\x88"))
        for name, text in formulas.items()
    }
    return found | _methods() | {
        "state-distribution-pairs.pkl": with_state(_NORM, pairs),
        "state-distribution-keys-as-pair.pkl": with_state(_NORM, t(table(_parse_arg_template=n(1), x=n(1)), b"N")),
        "state-distribution-constructed.pkl": P4 + call(_NORM, s("norm")) + b".",
        "state-distribution-through-jax.pkl": P4
        + call(_JAX, _NORM, t(), table(_parse_arg_template=s("import os")), table()) + b".",
        "state-distribution-through-tensor.pkl": P4
        + call(g("torch._tensor", "_rebuild_from_type_v2"), _NORM, g("torch", "Tensor"), t(),
               table(_parse_arg_template=s("import os"))) + b".",
        "state-formula-newer.pkl": with_state(
            _DATA, table(formula=s("y ~ exec('1')"), restore_model_spec=b"\x88")),
        "state-formula-no-text.pkl": with_state(_DATA, table(formula=n(1), restore_design_info=b"\x88")),
        "state-distribution-through-maker.pkl": P4
        + call(g("sklearn.neighbors._kd_tree", "newObj"), _NORM) + table(_parse_arg_template=s("import os")) + b"b.",
        "state-factor.pkl": P4 + new(_FACTOR) + t(b"N", table(expr=s("__import__('os').system('true')"))) + b"b.",
        "state-factor-constructed.pkl": P4 + call(_FACTOR, s("x")) + b".",
        "state-memory.pkl": with_state(_MEMORY, table(location=s("/tmp/x"), store_backend=b"N")),
        "state-memory-constructed.pkl": P4 + call(_MEMORY, s("/tmp/x")) + b".",
        "state-program.pkl": with_state(_STAN, table(_exe_file=s("/tmp/model.bin"))),
        "state-program-elsewhere.pkl": with_state(_STAN, table(_exe_file=s(prophet.removeprefix("/usr/lib/")))),
        "state-program-constructed.pkl": P4 + call(_STAN, s("x"), s(prophet)) + b".",
        "state-file-named.pkl": with_state(_FILE, table(name=s("/etc/passwd"), auto=b"\x88")),
        "state-file-prefix.pkl": with_state(
            _FILE, table(name=b"N", auto=b"\x88", prefix=s("/etc/cron.d/x"), __FILE_RESOURCE_DATA__=b(b"x"))),
        "item-of-module.pkl": P4 + call(_ITEM, g("os", "environ"), s("HOME")) + b".",
        "item-handed-on.pkl": P4 + call(g("functools", "partial"), _ITEM) + b".",
        "layout-objects-without-flags.pkl": P4 + layout(0) + b".",
        "layout-outside-of-item.pkl": P4 + layout(0, place=1 << 30, field="<f8") + b".",
        "reduce-of-system.pkl": P4 + call(g("functools", "reduce"), g("os", "system"), t(s("a"), s("b"))) + b".",
        "reduce-of-what-is-reached.pkl": P4
        + call(g("functools", "reduce"), g("builtins", "getattr"), t(g("os", "path"), s("os"), s("system"))) + b".",
        "bomb-of-range.pkl": P4
        + call(g("builtins", "list"), call(g("builtins", "range"), n(0), n(2_000_000_000))) + b".",
        "bomb-of-shape.pkl": P4 + call(g("numpy", "ones"), t(n(1 << 20), n(1 << 20))) + b".",
        "bomb-without-end.pkl": P4
        + call(g("builtins", "list"), call(g("itertools", "cycle"), row(n(1)))) + b".",
        "bomb-behind-wrapper.pkl": P4
        + call(g("builtins", "set"), call(g("builtins", "zip"), call(g("itertools", "count")), row(n(1)))) + b".",
        "bomb-of-products.pkl": P4
        + call(g("builtins", "list"), call(g("itertools", "product"), row(n(1), n(2)), row(n(1), n(2)))) + b".",
        "bomb-of-levels.pkl": P4 + levels(11, wide=10) + b".",
        "bomb-of-levels-in-archive.pkl": P4 + b"}" + s("state") + levels(31, wide=2) + b"s.",
        "bomb-of-key.pkl": P4 + b"}" + levels(40, wide=2, letter=b"t") + n(1) + b"s.",
        "bomb-of-set.pkl": P4 + b"\x8f(" + levels(40, wide=2, letter=b"t") + b"\x90.",
        "bomb-of-frozen-set.pkl": P4 + b"(" + levels(40, wide=2, letter=b"t") + b"\x91.",
        "jax-calls-other.pkl": P4 + call(_JAX, g("os", "system"), t(s("true")), b"N", b"N") + b".",
    }  # fmt: skip


def benign() -> dict[str, bytes]:
    """What the libraries write."""
    frozen = new(g("scipy.stats._distn_infrastructure", "rv_continuous_frozen"))
    norm = new(_NORM) + table(_parse_arg_template=s(_PARSER), shapes=b"N", numargs=n(0)) + b"b"
    old = t(table(momtype=n(1), a=n(0), b=n(1), name=s("norm")), b"N")
    formula = table(
        formula=s("y ~ x + C(g, Treatment('a')):z - 1 + np.log(w) ** 2 + I(v > 0)"),
        restore_design_info=b"\x88",
    )
    prophet = "/usr/lib/python3.11/site-packages/prophet/stan_model/prophet_model.bin"
    return {
        "honest-factor.pkl": P4 + new(_FACTOR) + t(b"N", table(expr=s("np.maximum(a, 0)"))) + b"b.",
        "honest-memory.pkl": with_state(_MEMORY, table(location=b"N", store_backend=b"N", depth=n(3))),
        "honest-prophet.pkl": with_state(_STAN, table(_exe_file=s(prophet), _stan_file=b"N")),
        "honest-partial-of-class.pkl": P4 + call(g("functools", "partial"), g("scipy.stats._continuous_distns", "norm_gen"))
        + t(g("scipy.stats._continuous_distns", "norm_gen"), t(), b"}", b"N") + b"b.",
        "honest-distribution.pkl": P4 + frozen + table(dist=norm, args=t()) + b"b.",
        "honest-distribution-of-old-release.pkl": with_state(_NORM, old),
        "honest-data.pkl": with_state(_DATA, table(const_idx=n(0))),
        "honest-formula.pkl": with_state(_DATA, formula),
        "honest-file.pkl": with_state(
            _FILE, table(name=b"N", auto=b"\x88", prefix=s("model"), suffix=s(".crfsuite"), __FILE_RESOURCE_DATA__=b(b"x"))),
        "honest-optional.pkl": P4
        + call(_ITEM, g("typing", "Union"), t(g("builtins", "int"), call(g("builtins", "type"), b"N"))) + b".",
        "honest-jax.pkl": P4
        + call(_JAX, _ARRAY, t(g("numpy", "ndarray"), t(n(0)), b(b"b")), t(n(1), t(n(1)), b"N", b"\x89", b(bytes(4))), table())
        + b".",
        "honest-objects.pkl": P4 + layout(63) + b".",
        "honest-fields.pkl": P4 + layout(16, field="<f8") + b".",
        "honest-union.pkl": P4
        + call(g("functools", "reduce"), g("_operator", "or_"), t(g("builtins", "int"), g("builtins", "str"))) + b".",
        "honest-old-python-2.joblib": b"ZF" + b"0x5".ljust(20) + zlib.compress(P4 + b"N."),
        "honest-cycle.pkl": P4 + call(g("itertools", "cycle"), call(g("builtins", "iter"), row(n(1)))) + b".",
        "honest-repeat.pkl": P4 + call(g("builtins", "list"), call(g("itertools", "repeat"), n(1), n(3))) + b".",
        "honest-shared-rows.pkl": P4 + levels(3, wide=60) + b".",
        "honest-depth.pkl": P4 + levels(60, wide=1) + b".",
        "honest-keys.pkl": P4 + b"}" + levels(4, wide=3, letter=b"t") + n(1) + b"s.",
        "honest-method.pkl": with_state(
            g("sklearn.preprocessing._function_transformer", "FunctionTransformer"),
            table(func=call(g("builtins", "getattr"), _STEMMER, s("stem")))),
        "honest-named-function.pkl": P4 + table(collate_fn=g("torch.utils.data._utils.collate", "default_collate")) + b".",
        "honest-vocabulary.pkl": P4
        + call(g("spacy.vocab", "unpickle_vocab"), *vocabulary(P2 + table(lower=g("spacy.lang.lex_attrs", "lower")) + b"."))
        + b".",
        "honest-append.pkl": P4 + call(g("types", "SimpleNamespace")) + table(append=b"\x88", add=s("x")) + b"b.",
        "honest-match.pkl": P4
        + call(g("functools", "partial"), call(g("builtins", "getattr"), call(g("re", "_compile"), s("a"), n(0)), s("match"))) + b".",
        "honest-method-of-class.pkl": P4 + g("sklearn.svm._classes", "SVC.decision_function") + b".",
        "honest-tree.pkl": P4 + call(g("_ast", "Name")) + table(id=s("x")) + b"b.",
        "honest-matcher.pkl": with_state(g("difflib", "SequenceMatcher"), table(a=s("x"), b=s("y"), isjunk=b"N")),
    }  # fmt: skip
