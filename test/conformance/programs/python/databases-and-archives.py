import bz2
import ctypes
import gzip
import hashlib
import io
import lzma
import mmap
import sqlite3
import ssl
import struct
import tarfile
import zipfile
import zlib

database = sqlite3.connect("data.db")
with database:
    database.execute("create table t (a integer primary key, b text)")
    database.executemany("insert into t (b) values (?)", [("x",), ("é",)])
print(database.execute("select * from t order by a desc").fetchall(), database.total_changes)
try:
    database.execute("select nothing from nowhere")
except sqlite3.OperationalError as error:
    print(error)
for module in (gzip, bz2, lzma):
    print(module.__name__, module.decompress(module.compress(b"data" * 100))[:8])
print(zlib.crc32(b"x"), hashlib.sha256(b"x").hexdigest()[:8], struct.pack(">IH", 1, 2), ssl.HAS_TLSv1_3)
with zipfile.ZipFile("a.zip", "w") as archive:
    archive.writestr("in/side.txt", "text")
with tarfile.open("a.tar.gz", "w:gz") as archive:
    archive.add("a.zip")
print(zipfile.ZipFile("a.zip").namelist(), tarfile.open("a.tar.gz").getnames())
with open("map", "wb") as file:
    file.write(bytes(4096))
with open("map", "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    view[:5] = b"hello"
print(open("map", "rb").read(5), ctypes.sizeof(ctypes.c_void_p), ctypes.CDLL(None).abs(-3))
print(io.BytesIO(b"a\nb").readlines())
