"""Writes what the documentation takes from the code into its pages: ``python -m tests.docs.reference``."""

from tests.docs.reference.regions import PAGES, filled

for page in PAGES:
    text = page.read_text(encoding="utf-8")
    new = filled(text)
    if new != text:
        page.write_text(new, encoding="utf-8")
        print(f"written: {page}")
