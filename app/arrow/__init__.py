"""Arrow IPC streams of flat tables: read from requests, written as answers.

Every access is checked against the body's bounds, by NumPy or by Python, so that no stream can crash the process or
make it allocate more than its size allows. docs/adr/0003-arrow-reader.md says why no Arrow library does it.

Source: the columnar format's specification (arrow.apache.org/docs/format/Columnar.html) with ``Message.fbs`` and
``Schema.fbs`` of github.com/apache/arrow.
"""
