"""A journal is found again by all that its trials depend on, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import attrs

from quantsail_framework import load_pipeline
from quantsail_framework.search.journal import study_digest
from quantsail_framework.search.study import Study, make_study
from tests.search.test_luck import FILE


class OtherStudy(Study):
    """Runs something else with the same pipeline."""


def test_the_name_follows_the_kind_of_study_and_every_candle(tmp_path: Path) -> None:
    text = FILE.replace('timeframe = "1h"', 'timeframe = "1h"\ninformative = ["4h"]')
    (tmp_path / "p.toml").write_text(text)
    study = make_study(load_pipeline(tmp_path / "p.toml"), [])
    again = make_study(load_pipeline(tmp_path / "p.toml"), [])
    assert study_digest(study) == study_digest(again)
    other = OtherStudy(study.pipeline, study.data, study.objective, study.both_touched)
    (symbol, bars), ((key, hours),) = next(iter(study.data.bars.items())), study.data.bars["EUR/USD"].others.items()
    moved = attrs.evolve(bars, others={key: attrs.evolve(hours, volume=hours.volume + 1.0)})
    changed = attrs.evolve(study, data=attrs.evolve(study.data, bars={symbol: moved}))
    assert len({study_digest(each) for each in (study, other, changed)}) == 3
