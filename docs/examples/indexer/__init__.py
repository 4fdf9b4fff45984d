"""An indexer of Python source: it walks, reads, parses, and says where names are defined.

It is the example program of pytest-telemetry: small, real, and instrumented with its runtime. What goes wrong in it can
be injected, so that its tests and its log show failures too.

    walk (`sources`) -> read (`reading`) -> parse (`skeleton`) -> index (`index`) -> resolve (`server`, `selector`)
"""
