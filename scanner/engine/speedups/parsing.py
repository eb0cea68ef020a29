"""Parse label sequences with short strings, try only the grammar rules that can apply, and remember the outcome.

Stock ``Parser.parse`` runs 413 rules in turn. Each builds the string ``<NNP><CC><NNP>`` of all labels anew, substitutes
in it with a regular expression, and builds a new tree if that changed. The result is the same here because

- a rule reads labels only, so the shape of the tree depends on the sequence of labels alone: it is computed on numbers
  in place of tokens, once per sequence, and the tokens are put in at the end;
- each label is one character, and ``<NNP|NN>`` in a rule the class of the labels that it matches in full. Labels are
  whole in both notations, hence the same matches in the same order of preference; wherever a label or a rule has
  characters with another meaning in either notation, stock does the work;
- a rule is left out only where the labels that it cannot do without are neither there nor made by an earlier rule.

A parse tree lists the groups as ``to_tree`` does: matched nodes under a new node, empty matches ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from pygmars.parse import Parser, Rule
from pygmars.tree import Tree

from scanner.engine.speedups import Replacement

#: Shapes and rule selections remembered before starting anew, and the longest sequence of labels worth remembering.
SHAPES_REMEMBERED = 20_000
LONGEST_REMEMBERED = 300
SELECTIONS_REMEMBERED = 5_000

_stock_parse = Parser.parse

#: A node of a shape: the place of a token, or the label of a group and its nodes.
Node = Any


class NotCoded(Exception):
    """A label or a rule cannot be written with one character per label."""


_element = re.compile(r"<([^<>]*)>([+*?]|\{\d+(?:,\d*)?\})?")
_plain_label = re.compile(r"[\w-]+").fullmatch
_plain_choices = re.compile(r"[\w-]+(?:\|[\w-]+)*").fullmatch
_may_be_missing = re.compile(r"[*?]|\{0+(?:,\d*)?\}").fullmatch
#: What may stand between the elements of a rule: groups, which may be repeated.
_between = re.compile(r"[()+*?]*").fullmatch


class CodedRule:
    """A grammar rule over one-character labels."""

    def __init__(self, rule: Rule) -> None:
        self.label: str = rule.label
        self.pattern = re.sub(r"\s", "", rule.pattern)
        self.elements = _element.findall(self.pattern)
        if not _between(_element.sub("", self.pattern)):
            raise NotCoded(self.pattern)
        #: Patterns of labels that are more than a list of labels, such as ``NN*``.
        self.wildcards = [re.compile(inner) for inner, _ in self.elements if not _plain_choices(inner)]
        self.search: Any = None
        self.needs: list[int] = []
        self.code = ""
        self.bit = 0

    def labels(self) -> set[str]:
        """Return the labels that the rule names, and its own."""
        named = {label for inner, _ in self.elements if _plain_choices(inner) for label in inner.split("|")}
        return named | ({self.label} if _plain_label(self.label) else set())

    def build(self, codes: dict[str, str]) -> None:
        """Write the rule in characters, given the character of each label."""
        bits = {label: 1 << place for place, label in enumerate(codes)}

        def coded(element: re.Match[str]) -> str:
            inner, quantifier = element[1], element[2] or ""
            labels = [label for label in codes if re.fullmatch(inner, label)]
            is_optional = any(start < element.start() < end for start, end in optional)
            if not is_optional and not _may_be_missing(quantifier):
                self.needs.append(sum(bits[label] for label in labels))
            return (f"[{''.join(codes[label] for label in labels)}]" if labels else "(?!)") + quantifier

        self.needs = []
        optional = list(_optional_groups(self.pattern))
        self.search = re.compile(_element.sub(coded, self.pattern)).finditer
        # What the fewest labels can give is most often missing.
        self.needs.sort(key=int.bit_count)
        self.code, self.bit = codes.get(self.label, ""), bits.get(self.label, 0)


def _optional_groups(pattern: str) -> Iterator[tuple[int, int]]:
    """Yield where the groups of a rule that may be missing begin and end. A group has no alternatives."""
    opened: list[int] = []
    for place, character in enumerate(pattern):
        if character == "(":
            opened.append(place)
        elif character == ")":
            start = opened.pop()
            if pattern[place + 1 : place + 2] in ("*", "?"):
                yield start, place


class ShapeParser:
    """The rules of one parser over one-character labels, and the shapes of the sequences seen."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [CodedRule(rule) for rule in rules]
        self._codes: dict[str, str] = {}
        for label in sorted(set().union(*(rule.labels() for rule in self._rules))):
            self._add(label)
        self._shapes: dict[str, list[Node]] = {}
        self._selections: dict[int, list[CodedRule]] = {}
        #: Of each rule, in their order, what it needs and what it makes.
        self._conditions: list[tuple[tuple[int, ...], int]] = []
        self._build()

    def _add(self, label: str) -> None:
        if not _plain_label(label):
            raise NotCoded(label)
        # Above the ASCII range no character has a meaning in a regular expression.
        self._codes[label] = chr(0x80 + len(self._codes))

    def _build(self) -> None:
        for rule in self._rules:
            rule.build(self._codes)
        # Made one after the other, so that they lie together: every child goes through all of them.
        self._conditions = [(tuple(need + 0 for need in rule.needs), rule.bit + 0) for rule in self._rules]
        self._shapes.clear()
        self._selections.clear()

    def encode(self, labels: Sequence[str]) -> str:
        """Return one character per label. Raise NotCoded for a label that stock would take apart."""
        codes = self._codes
        try:
            return "".join([codes[label] for label in labels])
        except KeyError:
            new = sorted(set(labels) - set(codes))
        for label in new:
            self._add(label)
        if any(wildcard.fullmatch(label) for label in new for rule in self._rules for wildcard in rule.wildcards):
            self._build()
        return "".join([codes[label] for label in labels])

    def shape(self, codes: str) -> list[Node]:
        """Return the nodes into which the rules group a sequence of labels. Raise NotCoded where only stock can."""
        try:
            return self._shapes[codes]
        except KeyError:
            found = self._parse(codes)
        if len(codes) <= LONGEST_REMEMBERED:
            if len(self._shapes) >= SHAPES_REMEMBERED:
                self._shapes.clear()
            self._shapes[codes] = found
        return found

    def _parse(self, codes: str) -> list[Node]:
        nodes: list[Node] = list(range(len(codes)))
        for rule in self._selection(codes):
            spans = [span for span in (match.span() for match in rule.search(codes)) if span[0] < span[1]]
            if spans:
                if not rule.code:
                    raise NotCoded(rule.label)
                codes, nodes = _group(codes, nodes, spans, rule)
        return nodes

    def _selection(self, codes: str) -> list[CodedRule]:
        """Return the rules that can apply, given which labels there are and which the rules before may have made."""
        present = sum({1 << (ord(code) - 0x80) for code in set(codes)})
        try:
            return self._selections[present]
        except KeyError:
            selection, possible = [], present
        for place, (needs, bit) in enumerate(self._conditions):
            for need in needs:
                if not possible & need:
                    break
            else:
                selection.append(self._rules[place])
                possible |= bit
        if len(self._selections) >= SELECTIONS_REMEMBERED:
            self._selections.clear()
        self._selections[present] = selection
        return selection


def _group(codes: str, nodes: list[Node], spans: list[tuple[int, int]], rule: CodedRule) -> tuple[str, list[Node]]:
    """Return labels and nodes with each span of nodes put under one node of the rule's label."""
    new_codes: list[str] = []
    new_nodes: list[Node] = []
    end = 0
    for start, stop in spans:
        new_codes += codes[end:start], rule.code
        new_nodes += nodes[end:start]
        new_nodes.append((rule.label, nodes[start:stop]))
        end = stop
    new_codes.append(codes[end:])
    new_nodes += nodes[end:]
    return "".join(new_codes), new_nodes


def _filled(nodes: list[Node], tokens: Sequence[Any]) -> Iterator[Any]:
    """Yield the nodes of a shape as tokens and trees."""
    for node in nodes:
        if isinstance(node, int):
            yield tokens[node]
        else:
            label, children = node
            yield Tree(label, list(_filled(children, tokens)))


_parsers: WeakKeyDictionary[Parser, ShapeParser | None] = WeakKeyDictionary()
#: By the patterns and labels of the rules: ScanCode makes a parser of the same rules for each package with a copyright.
_parsers_by_rules: dict[tuple[tuple[str, str], ...], ShapeParser | None] = {}


def _shape_parser(parser: Parser) -> ShapeParser | None:
    """Return the coded form of a parser, made once, or None if it has none."""
    try:
        return _parsers[parser]
    except KeyError:
        pass
    coded: ShapeParser | None = None
    # Tracing and validation are for debugging, and more than one round is never asked for.
    if parser._loop == 1 and not parser._trace and not parser._validate:
        rules = tuple((rule.pattern, rule.label) for rule in parser.rules)
        if rules not in _parsers_by_rules:
            try:
                _parsers_by_rules[rules] = ShapeParser(parser.rules)
            except NotCoded:
                _parsers_by_rules[rules] = None
        coded = _parsers_by_rules[rules]
    _parsers[parser] = coded
    return coded


def parse(self: Parser, tree: Any) -> Any:
    """Return the parse tree of a list of labelled tokens, or of a tree."""
    coded = _shape_parser(self)
    if not tree or coded is None:
        return _stock_parse(self, tree)
    try:
        shape = coded.shape(coded.encode([str(node.label) for node in tree]))
    except NotCoded:
        return _stock_parse(self, tree)
    root = tree.label if isinstance(tree, Tree) else self._root_label
    return Tree(root, list(_filled(shape, tree)))


REPLACEMENTS = (
    Replacement(
        "pygmars.parse",
        "Parser.parse",
        "c013dfa942f264b0",
        parse,
        relies_on={
            "pygmars.parse:Rule": "071d38efe7812efb",
            "pygmars.parse:ParseString": "9766959af7fd63c7",
            "pygmars.parse:label_pattern_to_regex": "44cc192d2948de55",
        },
    ),
)
