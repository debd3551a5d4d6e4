"""pytest's entry point into Quantsail: shows waived contract cases, so that no waiver passes unseen.

pytest imports this in every project of the environment; it imports nothing and stays silent where no
contract suite ran.
"""

from __future__ import annotations

from typing import Any

# How the skip of a waived case begins: "quantsail contract: ST-07 waived by TestTrend: why".
WAIVED = "quantsail contract: "


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the waived cases with their reasons below the results."""
    skipped = (report.longrepr for report in terminalreporter.stats.get("skipped", []))
    texts = {str(place[2]).removeprefix("Skipped: ") for place in skipped if isinstance(place, tuple)}
    waived = sorted(text.removeprefix(WAIVED) for text in texts if text.startswith(WAIVED))
    if waived:
        terminalreporter.section("quantsail contract cases waived")
        for line in waived:
            terminalreporter.write_line(line)
