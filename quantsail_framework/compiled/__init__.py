"""The compiled loop: the rules of ``engine`` once more, for pipelines whose components all have a compiled form.

``forms`` says whether a pipeline has them, ``simulation`` runs it, ``loop`` is what runs, ``machine`` makes and loads
its machine code. Results have the same bits as those of the plain engine, which is always there.
"""
