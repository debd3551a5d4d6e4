"""The compiled loop: the rules of ``engine`` once more, for pipelines whose components all have a compiled form.

``choice`` says when it is worth it, ``forms`` whether a pipeline has them, ``simulation`` runs it. What runs is
``loop``, with ``booking`` and ``reach``; ``machine`` makes and loads its machine code. Results have the same bits as
those of the plain engine, which is always there.
"""
