"""The XML form of CycloneDX 1.6, from the members of the JSON form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

_NAMESPACE = "http://cyclonedx.org/schema/bom/1.6"


class _Writer:
    """Writes elements in the order that the schema wants; every text given has been through ``xml_text``."""

    def __init__(self, xml: XMLGenerator) -> None:
        self._xml = xml

    @contextmanager
    def element(self, name: str, attributes: dict[str, str] | None = None) -> Iterator[None]:
        self._xml.startElement(name, AttributesImpl(attributes or {}))
        yield
        self._xml.endElement(name)

    def text(self, name: str, value: str | None, attributes: dict[str, str] | None = None) -> None:
        """Write an element that holds a text, or nothing for None."""
        if value is not None:
            with self.element(name, attributes):
                self._xml.characters(value)

    def line(self) -> None:
        self._xml.ignorableWhitespace("\n")

    def list(self, name: str, items: list[Any] | None, write: Callable[[Any], None]) -> None:
        """Write an element with its items in it, or nothing where there are none."""
        if items:
            with self.element(name):
                for item in items:
                    write(item)

    def component(self, item: dict[str, Any]) -> None:
        with self.element("component", {key: item[key] for key in ("type", "bom-ref") if key in item}):
            for name in ("name", "version", "description", "scope"):
                self.text(name, item.get(name))
            self.list("hashes", item.get("hashes"), lambda it: self.text("hash", it["content"], {"alg": it["alg"]}))
            self.list("licenses", item.get("licenses"), self.expression)
            self.text("copyright", item.get("copyright"))
            self.text("purl", item.get("purl"))
            self.list("externalReferences", item.get("externalReferences"), self.external_reference)
            self.list("properties", item.get("properties"), self.property)
            if "evidence" in item:
                self.evidence(item["evidence"])
        self.line()

    def expression(self, item: dict[str, str]) -> None:
        attributes = {name: value for name, value in item.items() if name != "expression"}
        self.text("expression", item["expression"], attributes)

    def external_reference(self, item: dict[str, str]) -> None:
        with self.element("reference", {"type": item["type"]}):
            self.text("url", item["url"])

    def property(self, item: dict[str, str]) -> None:
        self.text("property", item["value"], {"name": item["name"]})

    def occurrence(self, item: dict[str, str]) -> None:
        with self.element("occurrence"):
            self.text("location", item["location"])

    def evidence(self, item: dict[str, Any]) -> None:
        with self.element("evidence"):
            self.list("occurrences", item.get("occurrences"), self.occurrence)
            self.list("licenses", item.get("licenses"), self.expression)
            self.list("copyright", item.get("copyright"), lambda it: self.text("text", it["text"]))

    def dependency(self, item: dict[str, Any]) -> None:
        with self.element("dependency", {"ref": item["ref"]}):
            for needed in item["dependsOn"]:
                with self.element("dependency", {"ref": needed}):
                    pass
        self.line()


def write_document(document: dict[str, Any], out: BinaryIO) -> None:
    """Write a document whose "components" and "dependencies" are iterators."""
    metadata = document["metadata"]
    xml = XMLGenerator(out, encoding="utf-8", short_empty_elements=True)
    xml.startDocument()
    writer = _Writer(xml)
    attributes = {"xmlns": _NAMESPACE, "serialNumber": document["serialNumber"], "version": str(document["version"])}
    with writer.element("bom", attributes):
        with writer.element("metadata"):
            writer.text("timestamp", metadata["timestamp"])
            with writer.element("tools"):
                writer.list("components", metadata["tools"]["components"], writer.component)
            writer.component(metadata["component"])
        with writer.element("components"):
            for component in document["components"]:
                writer.component(component)
        with writer.element("dependencies"):
            for dependency in document["dependencies"]:
                writer.dependency(dependency)
    xml.endDocument()
