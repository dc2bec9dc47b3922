"""Operators and functions of TensorFlow: which exist, and which reach beyond the graph."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from keelmark.core.facts import Technique

__all__ = ["PATH_INPUTS", "REACHING", "is_function", "is_known", "judge", "reason_of_function"]

_PYTHON = {
    "PyFunc": "calls a Python function",
    "PyFuncStateless": "calls a Python function",
    "EagerPyFunc": "calls a Python function",
    "NumpyFunction": "calls a Python function",
    "_PyFunc": "calls a Python function",
}
_FILES = {
    "ReadFile": "reads files",
    "WriteFile": "writes files",
    "MatchingFiles": "lists folders",
    "MatchingFilesDataset": "lists folders",
    "ExperimentalMatchingFilesDataset": "lists folders",
    "SaveDataset": "writes files",
    "SaveDatasetV2": "writes files",
    "LoadDataset": "reads files",
    "DistributedSave": "writes files",
    "DatasetToTFRecord": "writes files",
    "ExperimentalDatasetToTFRecord": "writes files",
    "DumpTensor": "writes files",
    "ImportEvent": "writes files",
    "CreateSummaryDbWriter": "writes a database",
    "SnapshotDatasetReader": "reads files",
    "FileSystemSetConfiguration": "changes how files are reached",
    "SimpleMLLoadModelFromPath": "loads a model from a path",
}
_NETWORK = {
    "RpcCall": "calls another machine",
    "RpcClient": "connects to another machine",
    "RpcServer": "opens a port",
    "RpcServerStart": "opens a port",
    "Rpc": "calls another machine",
    "TryRpc": "calls another machine",
    "RegisterDataset": "sends data to another machine",
    "RegisterDatasetV2": "sends data to another machine",
    "BigQueryReader": "reads from a service",
    "GenerateBigQueryReaderPartitions": "reads from a service",
    "KafkaDataset": "reads from a service",
    "IO>KafkaDataset": "reads from a service",
    "IO>HttpGet": "fetches from an address",
    "IO>BigQueryClient": "reads from a service",
    "IO>SqlIterableInit": "reads from a database",
}
# Operators that honest graphs use with paths of their own: which of their inputs is the path, and what they do with it.
PATH_INPUTS = {
    "SaveV2": (0, "writes files"),
    "Save": (0, "writes files"),
    "SaveSlices": (0, "writes files"),
    "RestoreV2": (0, "reads files"),
    "Restore": (0, "reads files"),
    "RestoreSlice": (0, "reads files"),
    "MergeV2Checkpoints": (1, "writes files"),
    "InitializeTableFromTextFile": (1, "reads files"),
    "InitializeTableFromTextFileV2": (1, "reads files"),
    "FixedLengthRecordDataset": (0, "reads files"),
    "FixedLengthRecordDatasetV2": (0, "reads files"),
    "TextLineDataset": (0, "reads files"),
    "TFRecordDataset": (0, "reads files"),
    "TFRecordDatasetV2": (0, "reads files"),
    "ExperimentalLMDBDataset": (0, "reads files"),
    "LMDBDataset": (0, "reads files"),
    "CSVDataset": (0, "reads files"),
    "CSVDatasetV2": (0, "reads files"),
    "ExperimentalCSVDataset": (0, "reads files"),
    "SqlDataset": (1, "reads a database"),
    "ExperimentalSqlDataset": (1, "reads a database"),
    "CacheDataset": (1, "writes files"),
    "CacheDatasetV2": (1, "writes files"),
    "SnapshotDataset": (1, "writes files"),
    "SnapshotDatasetV2": (1, "writes files"),
    "CreateSummaryFileWriter": (1, "writes files"),
    "DataServiceDataset": (2, "reads from a service"),
    "DataServiceDatasetV2": (2, "reads from a service"),
    "DataServiceDatasetV3": (2, "reads from a service"),
    "DataServiceDatasetV4": (2, "reads from a service"),
    "LoadAndRemapMatrix": (0, "reads files"),
    "SimpleMLLoadModelFromPathWithHandle": (1, "reads files"),
}
# Parts of the API that reach beyond a graph, by the start of the public name.
_API = (
    ("io.gfile.", "reaches files"),
    ("raw_ops.", "calls an operator by its raw name"),
    ("saved_model.", "loads or writes models"),
    ("keras.", "reaches other parts of Keras"),
    ("train.", "reads or writes files"),
    ("data.experimental.", "reads or writes files"),
    ("data.", "reads files"),
    ("io.", "reads or writes files"),
    ("summary.", "writes files"),
    ("config.", "changes the state of the process"),
    ("distribute.", "connects to other machines"),
    ("profiler.", "opens a port or writes files"),
    ("debugging.experimental.", "writes files"),
    ("compat.v1.gfile.", "reaches files"),
    ("compat.v1.train.", "reads or writes files"),
    ("compat.v1.saved_model.", "loads or writes models"),
    ("sysconfig.", "tells about the machine"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lists:
    operators: frozenset[str]
    functions: frozenset[str]


@cache
def _lists() -> _Lists:
    raw = json.loads(
        resources.files("keelmark.formats.models").joinpath("tensorflow_operators.json").read_bytes()
    )
    operators = frozenset().union(*map(frozenset, raw["operators"].values()))
    return _Lists(operators=operators, functions=frozenset(raw["functions"]))


def is_known(operator: str) -> bool:
    """Whether TensorFlow or a library on the list has this operator."""
    return operator in _lists().operators


def judge(operator: str) -> tuple[Technique | None, str]:
    """What an operator does beyond its graph: technique and reason; (None, "") for plain ones."""
    if reason := _PYTHON.get(operator, ""):
        return Technique.PYTHON_OPERATOR, reason
    if reason := _FILES.get(operator, ""):
        return Technique.FILE_OPERATOR, reason
    if reason := _NETWORK.get(operator, ""):
        return Technique.OUTSIDE_ADDRESS, reason
    if is_known(operator):
        return None, ""
    return (
        Technique.CUSTOM_OPERATOR,
        "is no operator of TensorFlow, and comes from a library that has to be loaded",
    )


def is_function(name: str) -> bool:
    """Whether a public name of the API of TensorFlow is that of a function that computes."""
    functions = _lists().functions
    plain = name.removeprefix("tf.")
    return plain in functions or f"compat.v1.{plain}" in functions


def reason_of_function(name: str) -> str:
    """Why a public name of the API reaches beyond computing; "" when it is not known to."""
    plain = name.removeprefix("tf.")
    return next((reason for start, reason in _API if plain.startswith(start)), "")


REACHING = frozenset({*_PYTHON, *_FILES, *_NETWORK})
"""Operators that reach beyond their graph whatever they are given."""
