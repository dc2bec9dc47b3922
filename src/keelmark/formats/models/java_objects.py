"""Java objects: streams of `ObjectOutputStream`, in which models of H2O, Spark, Weka and DL4J come.

Reading such a stream builds the classes it names and runs their reading methods, before anybody asks which they are.
Chains of harmless classes that end in a call are known by their names. Classes of the libraries that write models, and
of Java itself, are silent; for others it is said that they are on no list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason, ModelFile, Technique
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import gap, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "JavaObjectsReader", "judge_class"]

_MARK = b"\xac\xed\x00\x05"
_MAX_BYTES = 64 * 1024**2
_MAX_CLASSES = 2000
# TC_CLASSDESC, the length of the name in two bytes, the name.
_CLASS = bytes_pattern(rb"r\x00([\x02-\xff])([A-Za-z_$\[][A-Za-z0-9_$.;\[/]{1,255})")
_CHAINS = (
    "org.apache.commons.collections.functors.", "org.apache.commons.collections4.functors.",
    "org.apache.commons.beanutils.BeanComparator", "com.sun.org.apache.xalan.internal.xsltc.trax.TemplatesImpl",
    "org.apache.xalan.xsltc.trax.TemplatesImpl", "org.codehaus.groovy.runtime.", "groovy.util.Expando",
    "org.springframework.beans.factory.", "org.springframework.aop.", "org.springframework.core.SerializableTypeWrapper",
    "javax.management.BadAttributeValueExpException", "sun.reflect.annotation.AnnotationInvocationHandler",
    "com.sun.rowset.JdbcRowSetImpl", "com.sun.jndi.", "javax.naming.", "java.rmi.", "sun.rmi.", "java.lang.Runtime",
    "java.lang.ProcessBuilder", "javax.script.ScriptEngineManager", "org.mozilla.javascript.", "bsh.",
    "org.python.core.", "clojure.", "com.mchange.v2.c3p0.", "org.hibernate.", "org.jboss.", "net.sf.json.",
    "java.net.URL", "java.net.URLClassLoader", "java.beans.EventHandler", "com.alibaba.fastjson.JSONObject",
    "org.apache.wicket.util.upload.", "org.apache.myfaces.", "rome.", "com.rometools.", "com.sun.syndication.",
    "java.security.SignedObject", "org.aspectj.weaver.",
)  # fmt: skip
_LIBRARIES = (
    "java.lang.", "java.util.", "java.math.", "java.time.", "java.text.", "java.io.File", "hex.", "water.", "weka.",
    "org.nd4j.", "org.deeplearning4j.", "org.datavec.", "org.apache.spark.", "scala.", "ml.dmlc.", "ai.h2o.",
    "org.jpmml.", "org.dmg.pmml.", "smile.", "opennlp.", "edu.stanford.nlp.", "cc.mallet.", "com.github.fommil.",
    "breeze.", "org.tribuo.", "org.apache.commons.math3.", "gnu.trove.", "it.unimi.dsi.", "no.uib.cipr.",
)  # fmt: skip
_PRIMITIVE = re2.compile(r"\[*[BCDFIJSZ]?")


def judge_class(name: str) -> Technique | None:
    """The technique that naming a class of Java is; None for one that models are made of."""
    plain = name.lstrip("[").removesuffix(";")
    plain = plain[1:] if name.startswith("[") and plain.startswith("L") else plain
    if plain.startswith(_CHAINS):
        return Technique.DANGEROUS_CLASS
    if plain.startswith(_LIBRARIES) or _PRIMITIVE.fullmatch(name):
        return None
    return Technique.UNKNOWN_CLASS


class JavaObjectsReader:
    """Reads the names of classes in such streams."""

    name = "java-objects"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The mark and the version."""
        return source.head.startswith(_MARK)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the descriptions of classes, in order."""
        found = HazardList()
        names: dict[str, None] = {}
        for place in _CLASS.finditer(bytes(source.data[:_MAX_BYTES])):
            length = place.group(1)[0]
            name = place.group(2)[:length].decode("ascii")
            if len(name) == length and len(names) < _MAX_CLASSES:
                names[name] = None
        for name in names:
            technique = judge_class(name)
            if technique is Technique.DANGEROUS_CLASS:
                detail = f"the stream builds `{name}`, a part of known chains that end in a call"
                found.add(technique, detail, subject=name, code=f"new {name}()")
            elif technique is not None:
                detail = f"the stream builds `{name}`, which is on no list"
                found.add(technique, detail, subject=name, code=f"new {name}()")
        gaps: list[Gap] = []
        if source.size > _MAX_BYTES:
            detail = f"only the first {_MAX_BYTES} bytes were searched for classes"
            gaps.append(gap(source, GapReason.TOO_LARGE, detail))
        model = ModelFile(
            format="java",
            architecture=next(iter(names), ""),
            metadata=metadata([("classes", len(names))]),
            can_execute=bool(found),
            globals=unique(names),
            dangerous=unique(name for name in names if judge_class(name) is Technique.DANGEROUS_CLASS),
            unknown=unique(name for name in names if judge_class(name) is Technique.UNKNOWN_CLASS),
        )
        return reading(model, *gaps, hazards=found.close())


READER = JavaObjectsReader()
