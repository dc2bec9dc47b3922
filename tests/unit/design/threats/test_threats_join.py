"""What is declared and what was found become one system, and every difference is named."""

from __future__ import annotations

from dataclasses import replace

from keelmark.config.declaration import parse
from keelmark.core.declaration import ComponentKind, Declaration, FlowTrust
from keelmark.core.system_model import Effect, Element, Link, Origin, SystemModel
from keelmark.design.threats.join import join, undeclared_links
from keelmark.guidelines import load

CATALOGUE = load()
K, T = ComponentKind, FlowTrust


def element(name: str, kind: ComponentKind, **properties: object) -> Element:
    return Element(id=name, kind=kind, name=name, origin=Origin.OBSERVED, **properties)  # type: ignore[arg-type]


FOUND = SystemModel(
    name="folder",
    elements=(
        element("shop", K.SERVICE, path="src/shop"),
        element("/chat", K.API, path="src/shop/app.py"),
        element("gpt-4o", K.MODEL, boundary="outside", supplier="openai"),
        element("refund", K.TOOL, path="src/shop/tools.py", effect=Effect.WRITE, has_approval=False),
        element("lookup", K.TOOL, path="src/shop/tools.py", effect=Effect.READ, has_approval=False),
        element("store", K.RETRIEVAL_STORE, path="src/shop/store.py"),
        element("shell of shop", K.SERVICE, effect=Effect.EXECUTE),
    ),
    links=(
        Link(source="/chat", target="shop", carries="text", trust=T.USER, origin=Origin.OBSERVED),
        Link(source="shop", target="gpt-4o", carries="prompt", trust=T.TRUSTED, origin=Origin.OBSERVED, sink="context"),
        Link(source="gpt-4o", target="refund", carries="call", trust=T.MODEL_OUTPUT, origin=Origin.OBSERVED),
        Link(source="store", target="gpt-4o", carries="texts", trust=T.THIRD_PARTY, origin=Origin.OBSERVED, sink="context",
             assumed="not seen"),
    ),
)  # fmt: skip


def declared(text: str) -> Declaration:
    return parse(f"version: 1\n{text}", catalogue=CATALOGUE)


def test_without_a_declaration_the_system_is_what_was_found() -> None:
    assert join(FOUND, None) == (FOUND, ())


def test_parts_are_the_same_by_name_path_supplier_kind_or_where_none_other_is_left() -> None:
    model, differences = join(
        FOUND,
        declared(
            "components:\n- {id: api, kind: api}\n- {id: brain, kind: agent, path: src/shop/agent.py}\n"
            "- {id: openai, kind: model, supplier: openai}\n- {id: tools, kind: tool, path: src/shop/tools.py}\n"
            "- {id: index, kind: retrieval-store, owner: Ann, shared: true}\n"
        ),
    )
    assert not differences
    assert {entry.id for entry in model.elements} == {
        "api",
        "brain",
        "openai",
        "refund",
        "lookup",
        "index",
        "shell of shop",
    }
    assert model.by_id["brain"].kind is K.AGENT
    assert model.by_id["refund"].origin is Origin.BOTH
    assert (model.by_id["index"].owner, model.by_id["index"].is_shared) == ("Ann", True)
    assert {(link.source, link.target) for link in model.links} >= {("api", "brain"), ("openai", "refund")}


def test_what_is_not_declared_and_what_is_not_found_are_named() -> None:
    _, differences = join(
        FOUND,
        declared("components:\n- {id: pager, kind: tool, path: src/pager.py}\n"),
        paths=("src/shop/app.py",),
    )
    assert {(entry.subject, entry.is_declared) for entry in differences} == {
        ("shop", False), ("/chat", False), ("gpt-4o", False), ("refund", False), ("lookup", False), ("store", False),
        ("pager", True),
    }  # fmt: skip


def test_declared_part_whose_file_is_there_is_no_difference() -> None:
    _, differences = join(
        FOUND,
        declared("components:\n- {id: pager, kind: tool, path: src/pager.py}\n"),
        paths=("src/pager.py",),
    )
    assert "pager" not in {entry.subject for entry in differences}


def test_nothing_is_called_missing_while_something_was_not_looked_at() -> None:
    unsure = replace(FOUND, unseen=("x.bin: cannot be read",))
    _, differences = join(unsure, declared("components:\n- {id: pager, kind: tool, path: src/pager.py}\n"))
    assert not [entry for entry in differences if entry.is_declared]


ALL = (
    "components:\n- {id: api, kind: api}\n- {id: shop, kind: service, path: src/shop}\n- {id: gpt-4o, kind: model}\n"
    "- {id: tools, kind: tool, path: src/shop/tools.py}\n- {id: store, kind: retrieval-store}\n"
)


def test_declared_flow_that_was_only_assumed_counts_as_declared() -> None:
    model, _ = join(
        FOUND, declared(f"{ALL}flows:\n- {{from: store, to: gpt-4o, carries: articles, trust: trusted}}\n")
    )
    (link,) = [link for link in model.links if link.source == "store"]
    assert (link.trust, link.assumed, link.origin) == (T.TRUSTED, "", Origin.BOTH)


def test_what_was_seen_is_not_talked_away_by_a_declaration() -> None:
    model, _ = join(
        FOUND, declared(f"{ALL}flows:\n- {{from: gpt-4o, to: tools, carries: names, trust: trusted}}\n")
    )
    assert {link.trust for link in model.links if link.target == "refund"} == {T.MODEL_OUTPUT}


def test_flow_that_nobody_drew_is_named_and_one_in_a_row_covers_it() -> None:
    text = f"{ALL}flows:\n- {{from: api, to: shop, trust: user}}\n"
    assert [ends[:2] for ends in undeclared_links(FOUND, declared(text))] == [
        ("gpt-4o", "tools"),
        ("store", "gpt-4o"),
    ]
    more = "- {from: gpt-4o, to: shop, trust: model-output}\n- {from: shop, to: tools}\n- {from: store, to: gpt-4o}\n"
    assert undeclared_links(FOUND, declared(text + more)) == ()


def test_flow_to_nowhere_is_named() -> None:
    _, differences = join(FOUND, declared(f"{ALL}flows:\n- {{from: api, to: nowhere}}\n"))
    assert any(entry.is_declared and "nowhere" in entry.text for entry in differences)


def test_text_of_users_has_a_user_in_front_of_it() -> None:
    model, _ = join(
        SystemModel(name="s", elements=(), links=()),
        declared(
            "components:\n- {id: portal, kind: user-interface}\n- {id: api, kind: api}\nflows:\n- {from: portal, to: api, trust: user}\n"
        ),
    )
    assert ("user", "portal") in {(link.source, link.target) for link in model.links}


def test_register_of_tools_makes_an_effect_graver_and_never_milder() -> None:
    model, _ = join(
        FOUND, declared("tools:\n- {name: refund, effect: read}\n- {name: lookup, effect: external}\n")
    )
    assert (model.by_id["refund"].effect, model.by_id["lookup"].effect) == (Effect.WRITE, Effect.EXTERNAL)


def test_names_in_assets_and_attackers_are_those_of_the_system() -> None:
    model, _ = join(
        FOUND,
        declared(
            f"{ALL}threat_model:\n  assets:\n  - {{id: money, where: [tools], owner: Ann, sensitivity: secret}}\n"
            "  attackers:\n  - {id: customer, skill: novice, reaches: [api]}\n"
        ),
    )
    assert model.assets[0].where == ("lookup", "refund") or model.assets[0].where == ("refund", "lookup")
    assert model.attackers[0].reaches == ("api",)


def test_size_is_the_larger_of_counted_and_declared() -> None:
    sized = replace(FOUND, size=replace(FOUND.size, tools=2.0))
    model, _ = join(
        sized,
        declared(
            "growth_envelope:\n  users: {limit: 10, now: 5}\n  tools: {limit: 3, now: 1}\n  exposure: public\n"
        ),
    )
    assert (model.size.users, model.size.tools, model.size.exposure, model.size.autonomy) == (5, 2, 2, None)
