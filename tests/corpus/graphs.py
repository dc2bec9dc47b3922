"""Graphs of TensorFlow, in the wire format and as text: file name -> content."""

from __future__ import annotations


def field(number, content):
    """A field of bytes, or of a number."""
    if isinstance(content, int):
        return _varint(number << 3) + _varint(content)
    raw = content.encode() if isinstance(content, str) else content
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def node(name, operator, *inputs, attributes=b""):
    """A `NodeDef`."""
    return field(1, name) + field(2, operator) + b"".join(field(3, each) for each in inputs) + attributes


def constant(name, *texts):
    """A constant of texts."""
    tensor = field(1, 7) + b"".join(field(8, text) for text in texts)
    return node(name, "Const", attributes=field(5, field(1, "value") + field(2, field(8, tensor))))


def function(name, *nodes):
    """A function of the library."""
    return field(1, field(1, field(1, name)) + b"".join(field(3, each) for each in nodes))


def graph(*nodes, functions=()):
    """A `GraphDef`."""
    library = field(2, b"".join(functions)) if functions else b""
    return b"".join(field(1, each) for each in nodes) + library


def saved_model(content, *, asset=""):
    """A `SavedModel` with one graph, and the tensor that gets the path of an asset."""
    meta = field(1, field(4, "serve") + field(5, "2.15.0")) + field(2, content)
    if asset:
        meta += field(6, field(1, field(1, asset)) + field(2, "words.txt"))
    return field(1, 1) + field(2, meta)


def _lines(path):
    """A graph that reads lines: the constant stands in one function, the operator that opens it in another."""
    slices = [
        constant("path", path),
        node("flat", "Reshape", "path"),
        node("slices", "TensorSliceDataset", "flat:output:0"),
    ]
    return graph(node("x", "Placeholder"), functions=(
        function("flat_map", node("text", "TextLineDataset", "argument")), function("serve", *slices),
    ))  # fmt: skip


def _table(*, asset):
    """A table that is filled from a file whose path is that of where it was written, as TensorFlow 1 saved it."""
    nodes = (constant("path", "/home/me/words.txt"), node("table", "HashTableV2"),
             node("fill", "InitializeTableFromTextFileV2", "table", "path"))  # fmt: skip
    return saved_model(graph(*nodes), asset=asset)


def _text(operator, path="words.txt"):
    return f"""# written for people
    meta_graphs {{ meta_info_def {{ tags: ["serve"], tensorflow_version: '2.15.0' }}
      graph_def <
        node {{ name: "path" op: "Const" attr {{ key: "value" value {{ tensor {{ dtype: DT_STRING string_val: "{path}" }} }} }} }}
        node {{ name: "n"; op: "{operator}" input: "path" input: "path" }}
        versions {{ producer: 987 [foreign.extension]: {{ a: -1.5e3 }} }}
      >
    }}
    """.encode()


def malicious():
    """Name to content."""
    return {name: content for name, (_, content) in tricks().items()}


def tricks():
    """Name to technique and content."""
    call = function("f", node("q", "PyFuncStateless"))
    return {
        "saved_model.pb": ("outside-path", saved_model(_lines("/etc/hostname"))),
        "library.pb": ("python-operator", graph(functions=(call,))),
        "table.pb": ("outside-path", _table(asset="")),
        "graph.pbtxt": ("file-operator", b'node {\n  name: "n"\n  op: "WriteFile"\n}\n'),
        "escaped.pbtxt": ("file-operator", b"node { name: 'n' op: 'Write' \"\\106ile\" }"),
        "function.pbtxt": ("python-operator", b'library { function { signature { name: "f" } node_def { name: "q" op: "EagerPyFunc" } } }'),
        "saved_model.pbtxt": ("file-operator", _text("ReadFile")),
        "path.pbtxt": ("outside-path", _text("SaveV2", "/etc/cron.d/x")),
    }  # fmt: skip


def benign():
    """Name to content."""
    return {
        "saved_model.pb": saved_model(_lines("data/lines.txt")),
        "library.pb": graph(functions=(function("f", node("q", "Relu", "x")),)),
        "table.pb": _table(asset="path:0"),
        "graph.pbtxt": b'node {\n  name: "n"\n  op: "Relu"\n}\nversions {\n}\n',
        "saved_model.pbtxt": _text("Identity", "/etc/hostname"),
        "path.pbtxt": _text("SaveV2", "part"),
        "labels.pbtxt": b'item {\n  id: 1\n  name: "node"\n  op: "x"\n}\n',
        "pipeline.pbtxt": b'node {\n  calculator: "FlowLimiterCalculator"\n  options: { op: 3 }\n}\n',
        "notes.txt": b'A node looks like this:\nnode {\n  op: "WriteFile"\n  ...\n',
    }
