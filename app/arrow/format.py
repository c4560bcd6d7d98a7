"""The numbers of Arrow's IPC format: slots of its tables, members of its unions and enumerations."""

from __future__ import annotations

from enum import IntEnum

MEDIA_TYPE = b"application/vnd.apache.arrow.stream"
CONTINUATION = 0xFFFFFFFF
"""Stands before the length of each message's metadata."""
FILE_MAGIC = b"ARROW1"
"""Begins the file format, which is another one than the stream's."""
ALIGNMENT = 8
V4, V5 = 3, 4
LITTLE_ENDIAN = 0


class Header(IntEnum):
    """What a message is; the union ``MessageHeader``."""

    SCHEMA = 1
    DICTIONARY = 2
    BATCH = 3


class Message(IntEnum):
    """Slots of the table ``Message``."""

    VERSION = 0
    HEADER_TYPE = 1
    HEADER = 2
    BODY_LENGTH = 3


class Schema(IntEnum):
    """Slots of the table ``Schema``."""

    ENDIANNESS = 0
    FIELDS = 1
    METADATA = 2


class Field(IntEnum):
    """Slots of the table ``Field``."""

    NAME = 0
    NULLABLE = 1
    TYPE_TYPE = 2
    TYPE = 3
    DICTIONARY = 4
    CHILDREN = 5


class Encoding(IntEnum):
    """Slots of the table ``DictionaryEncoding``."""

    ID = 0
    INDEX_TYPE = 1


class Batch(IntEnum):
    """Slots of the table ``RecordBatch``."""

    LENGTH = 0
    NODES = 1
    BUFFERS = 2
    COMPRESSION = 3


class Dictionary(IntEnum):
    """Slots of the table ``DictionaryBatch``."""

    ID = 0
    DATA = 1
    IS_DELTA = 2


class Int(IntEnum):
    """Slots of the table ``Int``."""

    BIT_WIDTH = 0
    IS_SIGNED = 1


class Type(IntEnum):
    """Members of the union ``Type``."""

    NULL = 1
    INT = 2
    FLOATING_POINT = 3
    BINARY = 4
    UTF8 = 5
    BOOL = 6
    DECIMAL = 7
    DATE = 8
    TIME = 9
    TIMESTAMP = 10
    INTERVAL = 11
    LIST = 12
    STRUCT = 13
    UNION = 14
    FIXED_SIZE_BINARY = 15
    FIXED_SIZE_LIST = 16
    MAP = 17
    DURATION = 18
    LARGE_BINARY = 19
    LARGE_UTF8 = 20
    LARGE_LIST = 21
    RUN_END_ENCODED = 22
    BINARY_VIEW = 23
    UTF8_VIEW = 24
    LIST_VIEW = 25
    LARGE_LIST_VIEW = 26
