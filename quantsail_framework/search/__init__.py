"""What every search is made of: parameter spaces, trials, where they run, and how they are kept.

::

    space.py        parameters and their values: grid, seeded random, constraints
    checks.py       what no trial could use is told before the first
    objective.py    the score that a search maximises unless it is told another; how many trades a score needs
    study.py        a pipeline with its candles, ready to be tried with other options; one trial
    payload.py      how a study travels to another process
    executors.py    running trials one after the other in this process; which executor a run uses
    journal.py      trials kept as they finish, so that a search that was stopped goes on
    alone.py        whether a trial comes to the same when nothing of the others is left
    result.py       trials as a table, and the result of a search

The runners (`sweep`, `walk-forward`, `monte-carlo`) and executors are plugins and stay thin.
"""
