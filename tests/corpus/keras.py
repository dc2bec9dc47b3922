"""Models of Keras with tricks, and their clean twins: file name -> content.

The name of a malicious file starts with the technique that it is, up to `__`. Nothing needs a library: code is marshalled
by the Python that runs the tests and never run, pickles are written opcode by opcode.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import struct
import warnings
import zipfile

RUN = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."
OLD_RUN = b"cos\nsystem\n(S'true'\ntR."
PLAIN = b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s."
NONE = 2**64 - 1


def code(source="lambda x: __import__('os').system('true')"):
    """A marshalled lambda as Keras stores it."""
    compiled = compile(source, "model.py", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(compiled)).decode()


def archive(members, *, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one name twice is what some of them are about
        for name, content in members:
            target.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def keras(config, **more):
    text = config if isinstance(config, str) else json.dumps(config)
    about = json.dumps({"keras_version": "3.9.0", "date_saved": "2026-01-01"})
    return archive([("metadata.json", about), ("config.json", text), *more.items()])


def entry(module, name, config=None, registered=None, **more):
    return {
        "module": module,
        "class_name": name,
        "config": {} if config is None else config,
        "registered_name": registered,
        **more,
    }


def function(module, name):
    return entry(module, "function", name, name)


def model(*layers, **more):
    return entry(
        "keras", "Sequential", {"name": "sequential", "trainable": True, "layers": list(layers)}, **more
    )


def old(*layers):
    """The same without modules, as Keras 2 wrote it."""
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": list(layers)}}


def plain(name, /, **config):
    return {"class_name": name, "config": config}


DENSE = entry(
    "keras.layers",
    "Dense",
    {
        "name": "os.system",
        "units": 3,
        "activation": "relu",
        "dtype": entry("keras", "DTypePolicy", {"name": "float32"}),
        "kernel_initializer": entry("keras.initializers", "GlorotUniform", {"seed": None}),
        "kernel_regularizer": entry("keras.regularizers", "L2", {"l2": 0.01}),
    },
    build_config={"input_shape": [None, 8]},
)


def _escaped(text):
    """The same document with a letter of its words escaped."""
    return text.replace("ambda", "\\u0061mbda").replace("class_n", "cl\\u0061ss_n").encode()


def lambda_layer(function, **more):
    return entry("keras.layers", "Lambda", {"name": "lambda_1", "function": function, **more})


def serialised(text=None):
    return {
        "class_name": "__lambda__",
        "config": {"code": text or code(), "defaults": None, "closure": None},
    }


# HDF5 in its first form, which carries no checksums.


def message(kind, content):
    content += bytes(-len(content) % 8)
    return struct.pack("<HHB3x", kind, len(content), 0) + content


def header(*messages):
    body = b"".join(messages)
    return struct.pack("<BxHIIxxxx", 1, len(messages), 1, len(body)) + body


def text_kind(size):
    return struct.pack("<B3xI", 0x13, size)


def opaque_kind(size):
    return struct.pack("<B3xI", 0x15, size)


def bytes_kind():
    return struct.pack("<BBHIHH", 0x10, 0, 0, 1, 0, 8)


def space(*sizes):
    return struct.pack("<BBB5x", 1, len(sizes), 0) + b"".join(struct.pack("<Q", size) for size in sizes)


def attribute(name, value, kind=text_kind):
    parts = (name.encode() + b"\0", kind(len(value)), space())
    head = struct.pack("<BxHHH", 1, *map(len, parts))
    return message(12, head + b"".join(part + bytes(-len(part) % 8) for part in parts) + value)


def external_link(name, file, target="/x"):
    value = b"\0" + file.encode() + b"\0" + target.encode() + b"\0"
    raw = name.encode()
    return message(6, struct.pack("<BBBB", 1, 8, 64, len(raw)) + raw + struct.pack("<H", len(value)) + value)


def hard_link(name, address):
    raw = name.encode()
    return message(6, struct.pack("<BBB", 1, 0, len(raw)) + raw + struct.pack("<Q", address))


def hdf5(*messages, objects=()):
    """A file whose root has these messages; `objects` are (name, content of the header or None, bytes behind it)."""
    links = [hard_link(name, 0) for name, *_ in objects]
    group = (message(2, struct.pack("<BBQQ", 0, 0, NONE, NONE)), message(10, bytes(2)))
    place = 96 + len(header(*group, *messages, *links))
    out, links = b"", []
    for name, build in objects:
        content, at = build(place + len(out))
        links.append(hard_link(name, at))
        out += content
    root = header(*group, *messages, *links)
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHI", 4, 16, 0)
    start += struct.pack("<QQQQ", 0, NONE, place + len(out), NONE) + struct.pack("<QQII16x", 0, 96, 0, 0)
    return start + root + out


def stored(value, kind):
    """A dataset in a run of the file."""

    def build(at):
        raw = value + bytes(-len(value) % 8)
        sizes = (len(value),) if kind is bytes_kind else ()
        shape = kind() if kind is bytes_kind else kind(len(value))
        layout = struct.pack("<BBQQ", 3, 1, at, len(value))
        return raw + header(message(1, space(*sizes)), message(3, shape), message(8, layout)), at + len(raw)

    return build


def elsewhere(file):
    """A dataset whose bytes stand in another file."""

    def build(at):
        names = bytes(8) + file.encode() + b"\0"
        names += bytes(-len(names) % 8)
        heap = b"HEAP" + struct.pack("<B3xQQQ", 0, len(names), NONE, at + 32) + names
        slots = struct.pack("<B3xHHQ", 1, 1, 1, at) + struct.pack("<QQQ", 8, 0, 10)
        layout = struct.pack("<BBQQ", 3, 1, NONE, 10)
        messages = (message(1, space(10)), message(3, bytes_kind()), message(7, slots), message(8, layout))
        return heap + header(*messages), at + len(heap)

    return build


def virtual(file):
    """A dataset that is put together from another file."""

    def build(at):
        block = struct.pack("<BQ", 0, 1) + file.encode() + b"\0data\0" + bytes(16)
        item = struct.pack("<HH4xQ", 1, 1, len(block)) + block + bytes(-len(block) % 8)
        heap = b"GCOL" + struct.pack("<B3xQ", 1, 16 + len(item) + 16) + item + bytes(16)
        layout = struct.pack("<BBQI", 4, 3, at, 1)
        return heap + header(message(1, space(10)), message(3, bytes_kind()), message(8, layout)), at + len(
            heap
        )

    return build


def keras_h5(config, training=None, *messages):
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    more = [attribute("training_config", json.dumps(training).encode())] if training else []
    return hdf5(
        attribute("keras_version", b"2.12.0"),
        attribute("backend", b"tensorflow"),
        attribute("model_config", raw),
        *more,
        *messages,
    )


_GADGETS = {
    "subprocess": ("subprocess", "run"), "os": ("os", "system"), "builtins_exec": ("builtins", "exec"),
    "builtins_eval": ("builtins", "eval"), "importlib": ("importlib", "import_module"), "get_file": ("keras.utils", "get_file"),
    "get_file_private": ("keras.src.utils.file_utils", "get_file"), "unsafe": ("keras.config", "enable_unsafe_deserialization"),
    "unsafe_private": ("keras.src.saving.serialization_lib", "enable_unsafe_deserialization"),
    "load_model": ("keras.models", "load_model"), "load_model_private": ("keras.src.saving.saving_api", "load_model"),
    "tensorflow_write": ("tensorflow.python.ops.io_ops", "write_file"), "tensorflow_py": ("tensorflow", "py_function"),
    "numpy_load": ("numpy", "load"), "runpy": ("runpy", "run_path"), "model_from_json": ("keras.models", "model_from_json"),
}  # fmt: skip


def malicious():
    """Files whose configuration, attributes or links reach further than their layers."""
    called = {"inbound_nodes": [{"args": ["true"], "kwargs": {"shell": True}}]}
    found = {
        f"dangerous-class__{name}.keras": keras(model(DENSE, {**function(*pair), **called}))
        for name, pair in _GADGETS.items()
    }
    found |= {
        "serialised-code__lambda.keras": keras(model(DENSE, lambda_layer(serialised()))),
        "serialised-code__packed.keras": archive([("config.json", json.dumps(model(lambda_layer(serialised())))), ("metadata.json", "{}")], method=zipfile.ZIP_DEFLATED),
        "serialised-code__output_shape.keras": keras(model(lambda_layer(function("keras.ops", "abs"), output_shape=serialised()))),
        "serialised-code__metric.keras": keras(model(DENSE, compile_config={"loss": "mse", "metrics": [serialised()]})),
        "serialised-code__private_module.keras": keras(model(entry("keras.src.layers.core.lambda_layer", "Lambda", {"function": serialised()}, "Lambda"))),
        "serialised-code__in_a_custom_class.keras": keras(model(entry("keras.layers", "Wrapper", {"layer": {"deep": [{"er": serialised()}]}}))),
        "serialised-code__escaped.json": _escaped(json.dumps(model(lambda_layer(serialised())))),
        "serialised-code__short.json": json.dumps(
            {"class_name": "Sequential", "config": {"layers": [plain("Lambda", function=serialised())]}}
        ).encode(),
        "serialised-code__architecture.json": json.dumps(model(lambda_layer(serialised()))).encode(),
        "dangerous-class__class.keras": keras(model(entry("subprocess", "Popen", {"args": ["true"]}))),
        "dangerous-class__saved_model.keras": keras(model(entry("keras.layers", "TFSMLayer", {"filepath": "x", "call_endpoint": "serve"}))),
        "dangerous-class__torch.keras": keras(model(entry("keras.layers", "TorchModuleWrapper", {"module": "UEsDBA=="}))),
        "dangerous-class__typespec.keras": keras(model({**entry("os", "__typespec__", [1]), "spec_name": "system"})),
        "dangerous-class__loss.keras": keras(model(DENSE, compile_config={"loss": function("os", "system")})),
        "dangerous-class__optimizer.keras": keras(model(DENSE, compile_config={"optimizer": entry("shutil", "rmtree", {"path": "x"})})),
        "dangerous-class__initializer.keras": keras(model(entry("keras.layers", "Dense", {"kernel_initializer": function("pty", "spawn")}))),
        "dangerous-class__lambda_names_it.keras": keras(model(lambda_layer(function("os", "system")))),
        "dangerous-class__tfop.keras": keras(model(entry("keras.layers", "TFOpLambda", {"function": "io.write_file"}))),
        "dangerous-class__raw_op.keras": keras(model(entry("keras.src.layers.core.tf_op_layer", "TFOpLambda", {"function": "raw_ops.WriteFile"}))),
        "dangerous-class__dotted.h5": keras_h5(old(plain("os.system", command="true"))),
        "unknown-class__foreign.keras": keras(model(entry("evil_layers.core", "Layer", {}, "Custom>Layer"))),
        "unknown-class__foreign_function.keras": keras(model(lambda_layer(function("helpers", "go")))),
        "unknown-class__private.keras": keras(model(entry("keras.src.utils.progbar", "Progbar", {}, "Progbar"))),
        "unknown-class__utils.keras": keras(model(function("keras.utils", "set_random_seed"))),
        "unknown-class__registered.keras": keras(model(entry(None, "MyLayer", {}, "Custom>MyLayer"))),
        "unknown-class__takes_its_place.keras": keras(model(entry("keras.layers", "Dense", {}, "mine>Dense"))),
        "unknown-class__class_method.keras": keras(model(entry("keras.layers", "ClassMethod", {"cls_symbol": "io.TFRecordWriter", "method_name": "write"}))),
        "file-operator__node.h5": keras_h5(old(plain("TensorFlowOpLayer", node_def='{"name": "a", "op": "WriteFile"}'))),
        "outside-path__vocabulary.keras": keras(model(entry("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}))),
        "outside-path__text.keras": keras(model(entry("keras.layers", "TextVectorization", {"vocabulary": "../../secret"}))),
        "outside-path__file_address.keras": keras(model(entry("keras.layers", "IntegerLookup", {"vocabulary": "file:///etc/passwd"}))),
        "outside-path__idf.keras": keras(model(entry("keras.layers", "StringLookup", {"idf_weights": "~/.ssh/id_rsa"}))),
        "outside-address__vocabulary.keras": keras(model(entry("keras.layers", "StringLookup", {"vocabulary": "https://example.org/v.txt"}))),
        "readers-disagree__class.keras": keras('{"module": "keras", "class_name": "Sequential", "class_name": "Sequential", "config": {"layers": []}, "registered_name": null}'),
        "serialised-code__first_of_two.keras": archive([("config.json", json.dumps(model(lambda_layer(serialised())))), ("metadata.json", "{}"), ("config.json", json.dumps(model(DENSE)))]),
        "serialised-code__old.h5": keras_h5(old(plain("Dense", units=1), plain("Lambda", name="l", function=[code(), None, None], function_type="lambda"))),
        "serialised-code__tuple.h5": keras_h5(old(plain("Lambda", function={"class_name": "__tuple__", "items": [code(), None, None]}, function_type="lambda"))),
        "serialised-code__tuple.json": json.dumps(old(plain("Lambda", function={"class_name": "__tuple__", "items": [code(), None, None]}))).encode(),
        "serialised-code__old_text.h5": keras_h5(old(plain("Lambda", name="l", function=code(), function_type="lambda"))),
        "serialised-code__mask.h5": keras_h5(old(plain("Lambda", function="f", function_type="function", mask=[code(), None, None], mask_type="lambda"))),
        "serialised-code__new.h5": keras_h5(model(lambda_layer(serialised()))),
        "dangerous-class__beside_the_name.h5": keras_h5(old(plain("Lambda", name="l", function="system", function_type="function", module="os"))),
        "dangerous-class__training.h5": keras_h5(old(plain("Dense", units=1)), {"loss": function("os", "system")}),
        "dangerous-callable__attribute.h5": hdf5(attribute("obj", OLD_RUN)),
        "dangerous-callable__opaque.h5": hdf5(attribute("obj", RUN, opaque_kind)),
        "dangerous-callable__dataset.h5": hdf5(objects=[("d", stored(RUN, opaque_kind))]),
        "dangerous-callable__bytes.h5": hdf5(objects=[("d", stored(RUN, bytes_kind))]),
        "outside-path__link.h5": hdf5(external_link("a", "/etc/passwd")),
        "outside-path__climbing_link.h5": hdf5(external_link("a", "../../x.h5")),
        "outside-path__weights_beside.h5": keras_h5(old(), None, external_link("model_weights", "other.h5")),
        "outside-path__dataset.h5": hdf5(objects=[("d", elsewhere("/etc/passwd"))]),
        "outside-path__virtual.h5": hdf5(objects=[("d", virtual("/data/x.h5"))]),
    }  # fmt: skip
    return found


def benign():
    """What Keras and its neighbours write, and look-alikes of every trick."""
    words = ["/etc/passwd", "os.system", "https://example.org", "__lambda__", *(f"w{n}" for n in range(500))]
    compiled = {
        "optimizer": entry("keras.optimizers", "Adam", {"learning_rate": entry("keras.optimizers.schedules", "CosineDecay", {})}),
        "loss": function("builtins", "mean_squared_error"),
        "metrics": ["accuracy", entry("keras.metrics", "AUC", {"name": "eval"})],
    }  # fmt: skip
    return {
        "dense.keras": keras(model(DENSE, compile_config=compiled)),
        "packed.keras": archive([("config.json", json.dumps(model(DENSE))), ("metadata.json", "{}")], method=zipfile.ZIP_DEFLATED),
        "names.keras": keras(model(entry("keras.layers", "Dense", {"name": "Lambda", "units": 1, "path": "a/b"}))),
        "words.keras": keras(model(entry("keras.layers", "StringLookup", {"vocabulary": words}))),
        "own_file.keras": keras(model(entry("keras.layers", "TextVectorization", {"vocabulary": None}))),
        "lambda_of_keras.keras": keras(model(lambda_layer(function("keras.ops", "abs")))),
        "operation.keras": keras(model(entry("keras.src.ops.numpy", "Add", {"name": "add"}, "Add"))),
        "typespec.keras": keras(model({**entry("tensorflow.python.framework.tensor", "__typespec__", [[None], "int32"]), "spec_name": "TensorSpec"})),
        "hub.keras": keras(model(entry("keras_hub.src.models.gemma.gemma_backbone", "GemmaBackbone", {}, "keras_hub>GemmaBackbone"))),
        "cv.keras": keras(model(entry("keras_cv.layers", "RandAugment", {}, "keras_cv>RandAugment"))),
        "brought.keras": keras(model(entry(None, "MyLayer", {}), compile_config={"loss": function("builtins", "my_loss")})),
        "escaped.json": _escaped(json.dumps(model(DENSE))),
        "short.json": json.dumps({"class_name": "Sequential", "config": {"layers": [plain("Dense", units=1)]}}).encode(),
        "architecture.json": json.dumps(model(DENSE)).encode(),
        "old.json": json.dumps({**old(plain("Dense", units=1)), "keras_version": "2.2.4", "backend": "tensorflow"}).encode(),
        "old.h5": keras_h5(old(plain("Dense", units=1), plain("TFOpLambda", function="math.add"), plain("SlicingOpLambda", function="__operators__.getitem")), {"loss": "dice", "metrics": ["f1_m"], "optimizer_config": plain("Custom>Adam")}),
        "new.h5": keras_h5(model(DENSE)),
        "rows.h5": hdf5(attribute("title", b"a table"), attribute("columns", b"(lp1\nS'a'\np2\na."), attribute("object", PLAIN, opaque_kind)),
        "sentence.h5": hdf5(attribute("note", b"I was measured in 2020."), attribute("more", b"cos and sin.")),
        "image.h5": hdf5(objects=[("d", stored(bytes([0x80, 4]) + bytes(range(254)), bytes_kind))]),
        "neighbour.h5": hdf5(external_link("a", "part-2.h5"), objects=[("d", virtual("part-3.h5")), ("e", elsewhere("raw.bin"))]),
        "virtual_of_itself.h5": hdf5(objects=[("d", virtual("."))]),
    }  # fmt: skip
