"""The tables of a report's SQLite file.

Files and folders are numbered in the order of the tree, so that a folder and all that is in it are the numbers from
its own ``id`` to ``last``. ``data`` columns hold ScanCode's own JSON, compressed, and those tables are in ScanCode's
order, so that a report can be written out again exactly.
"""

from __future__ import annotations

import json
from typing import Any

from isal import isal_zlib

from reports.words import clean_item

#: Goes up whenever a reader of the old tables could not read the new ones.
VERSION = 2

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE file (
  id INTEGER PRIMARY KEY,
  item INTEGER NOT NULL,
  parent INTEGER,
  last INTEGER,
  is_file INTEGER NOT NULL,
  path TEXT NOT NULL,
  name TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha1 TEXT,
  language TEXT,
  expression TEXT,
  spdx TEXT,
  categories TEXT NOT NULL,
  errors INTEGER NOT NULL,
  files INTEGER NOT NULL,
  folders INTEGER NOT NULL,
  totals BLOB
);
CREATE TABLE file_data (item INTEGER PRIMARY KEY, data BLOB NOT NULL);
-- While building: the order of the tree.
CREATE TEMP TABLE tree (key BLOB NOT NULL, item INTEGER NOT NULL, PRIMARY KEY (key, item)) WITHOUT ROWID;

-- Whatever files have in common: a licence key, a holder, a URL … `files` counts them. `bitmap` has a bit for each of
-- their numbers; only kinds that can be filtered by have one.
CREATE TABLE term (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  files INTEGER NOT NULL DEFAULT 0,
  bitmap BLOB,
  UNIQUE (kind, value)
);
CREATE TABLE file_term (term INTEGER NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (term, file)) WITHOUT ROWID;

CREATE TABLE license (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  spdx TEXT NOT NULL,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  is_exception INTEGER NOT NULL,
  is_unknown INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE rule (id INTEGER PRIMARY KEY, identifier TEXT NOT NULL, data BLOB NOT NULL);

CREATE TABLE detection (
  id INTEGER PRIMARY KEY,
  identifier TEXT NOT NULL,
  expression TEXT NOT NULL,
  spdx TEXT NOT NULL,
  categories TEXT NOT NULL,
  count INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE TABLE place (
  id INTEGER PRIMARY KEY,
  detection TEXT NOT NULL,
  file INTEGER NOT NULL,
  in_package INTEGER NOT NULL,
  number INTEGER NOT NULL,  -- which of its file's detections it is, from 0
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  score REAL NOT NULL
);

CREATE TABLE package (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,
  dependencies INTEGER NOT NULL DEFAULT 0,
  detected TEXT NOT NULL DEFAULT '[]',
  data BLOB NOT NULL
);
CREATE TABLE dependency (
  id INTEGER PRIMARY KEY,
  package TEXT,
  purl TEXT NOT NULL,
  data BLOB NOT NULL
);
"""

#: Made after the rows are in: much faster, and the file is smaller.
INDEXES = """
CREATE INDEX file_path ON file (path);
CREATE INDEX file_parent ON file (parent, is_file, name COLLATE NOCASE, name);
CREATE INDEX file_term_file ON file_term (file, term);
CREATE INDEX term_kind ON term (kind, files DESC, value);
CREATE INDEX license_key ON license (key);
CREATE INDEX rule_identifier ON rule (identifier);
CREATE INDEX detection_identifier ON detection (identifier);
CREATE INDEX package_uid ON package (uid);
CREATE INDEX place_detection ON place (detection, id);
CREATE INDEX dependency_purl ON dependency (purl, id);
CREATE INDEX dependency_package ON dependency (package, id);
CREATE VIRTUAL TABLE path_text USING fts5 (path, content='', columnsize=0, tokenize='trigram');
INSERT INTO path_text (rowid, path) SELECT id, path FROM file WHERE is_file;
CREATE VIRTUAL TABLE term_text USING fts5 (value, content='', columnsize=0, tokenize='trigram');
INSERT INTO term_text (rowid, value)
  SELECT id, value FROM term WHERE kind NOT IN ('package', 'flag', 'category', 'layer');
"""


def pack(value: Any) -> bytes:
    """Compress a JSON value; lone surrogates survive, as JSON escapes."""
    return pack_text(json.dumps(value, separators=(",", ":")).encode("ascii"))


def pack_text(text: bytes) -> bytes:
    """Compress a JSON value that is written already, in ASCII."""
    return isal_zlib.compress(text, 1)


def unpack(data: bytes) -> Any:
    """Return the value that was packed."""
    return json.loads(isal_zlib.decompress(data).decode("ascii"))


def unpack_clean(data: bytes) -> Any:
    """Return the value that was packed, cleaned."""
    return read_clean(isal_zlib.decompress(data))


def read_clean(text: bytes) -> Any:
    """Return the value of a JSON text in ASCII, cleaned."""
    return clean_item(json.loads(text.decode("ascii")), text)
