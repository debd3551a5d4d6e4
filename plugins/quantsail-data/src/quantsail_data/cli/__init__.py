"""``quantsail data``: one module per verb, imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

VERBS = {
    "fetch": "Fetch candles from an exchange into the store.",
    "import": "Import candle files into the store.",
    "list": "List what the store has.",
    "show": "Show one series: its parts, gaps and candles.",
    "verify": "Check the stored candles and name what is wrong.",
    "resample": "Make longer candles of stored ones.",
    "export": "Write stored candles as files.",
}


class _Verbs(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"quantsail_data.cli.{cmd_name}_").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs)
def data() -> None:
    """Fetch, import, list, verify, resample and export candles.

    They are kept in a store, a folder of Parquet files by venue, symbol and timeframe, which pipelines read with
    `use = "store"`.
    """
