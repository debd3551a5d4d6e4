"""Verdict and criteria as tests of a CI system: the reporter `junit`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

import attrs
from quantsail_framework import RunResult

FILE = "junit.xml"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 has no way to write


@attrs.frozen
class JUnit:
    """Writes ``junit.xml`` into the run folder, as Jenkins and GitLab read it: a test per criterion, and the verdict.

    A criterion that is not met is a failure. So is the verdict ``fail``; any other but ``pass`` is an error, as nothing
    was proven, and no verdict at all is a test that was skipped. The plain metrics are properties of the suite.
    """

    def write(self, result: RunResult, folder: Path | None) -> None:
        """Write the file; nothing when the run keeps no folder."""
        if folder is not None:
            root = Element("testsuites")
            root.append(suite(result))
            indent(root)
            ElementTree(root).write(folder / FILE, encoding="utf-8", xml_declaration=True)


def suite(result: RunResult) -> Element:
    """The tests and properties of one run."""
    tests = list(_tests(result))
    made = _element("testsuite", name=result.name, tests=len(tests))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        made.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    properties = SubElement(made, "properties")
    properties.extend(_element("property", name=name, value=text) for name, text in _metrics(result))
    made.extend(tests)
    return made


def _tests(result: RunResult) -> Iterator[Element]:
    for each in result.facts.get("criteria", ()):
        value = "undefined" if each["value"] is None else f"{each['value']:.6g}"
        yield _test(
            result, each["name"], "" if each["passed"] else "failure", f"{value}, the limit is {each['limit']:g}"
        )
    if result.verdict is None:
        yield _test(result, "verdict", "skipped", f"{result.kind} gives no verdict")
    else:
        found = {"pass": "", "fail": "failure"}.get(result.verdict, "error")
        yield _test(result, "verdict", found, f"the verdict is {result.verdict}")


def _test(result: RunResult, name: str, found: str, message: str) -> Element:
    test = _element("testcase", classname=f"{result.kind}.{result.name}", name=name)
    if found:
        test.append(_element(found, message=message))
    return test


def _metrics(result: RunResult) -> Iterator[tuple[str, str]]:
    for name, value in result.metrics.items():
        if value is None:
            yield name, f"undefined: {result.undefined[name]}"
        elif isinstance(value, int | float):
            yield name, f"{value:.6g}"


def _element(tag: str, **attributes: object) -> Element:
    return Element(tag, {name: NOT_XML.sub("\ufffd", str(value)) for name, value in attributes.items()})
