"""Any table of candles as delimited text: columns by name or number, times of any form, comma or point."""

from __future__ import annotations

from quantsail_data.importers.candles import Job, Rows, to_bars
from quantsail_data.importers.clock import rule_for, zone
from quantsail_data.importers.columns import check_roles, mapped
from quantsail_data.importers.names import named_like_ours
from quantsail_data.importers.text import Text, is_number, opened_lines, read_columns
from quantsail_framework.domain.bars import Bars
from quantsail_framework.domain.from_file import VALUES
from quantsail_framework.errors import DataError


def read(job: Job) -> Bars:
    """The candles of one file, oldest or newest first. Times without a zone need one."""
    options = job.options
    check_roles(options.columns)
    named, length = named_like_ours(job.path.name)
    symbol, timeframe = job.symbol(named), job.timeframe(length)
    local = None if options.zone is None else zone(options.zone)
    with opened_lines(job, options.delimiter) as text:
        names, text = _names(text, options.decimal)
        where = mapped(names, options.columns, text.where)
        if "volume" not in where:
            job.note("no volume: 0")
        picks = [where[role][0] if role in where else None for role in VALUES]
        stamp = where["time"]
        table = read_columns(
            text,
            picks,
            lambda cells: " ".join(cells[index] for index in stamp),
            rule=None if options.time_format is None else rule_for("", options.time_format),
            decimal=options.decimal,
            width=len(names),
        )
    time = table.rule.to_utc(table.time, local, job.where, table.place)
    return to_bars(job, Rows(time, table.values, table.place), symbol, timeframe, newest_first=True)


def _names(text: Text, decimal: str) -> tuple[list[str], Text]:
    """The header; a file whose first line holds a price has none, and its columns are numbered from 1."""
    first, text = text.peeked()
    if not first:
        raise DataError(f"{text.where}: the file holds no rows")
    cells = first[0][1]
    if sum(is_number(cell, decimal) for cell in cells) >= len(VALUES) - 1:
        return [str(index + 1) for index in range(len(cells))], text
    next(text.lines)
    return [cell.strip() for cell in cells], text
