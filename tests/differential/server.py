"""A private PostgreSQL cluster, and sessions in it through libpq."""

import ctypes
import ctypes.util
import os
import shutil
import subprocess
import tempfile

TOOL = os.path.join(os.path.dirname(__file__), "..", "tools", "postgres")
OK = {1, 2}  # PGRES_COMMAND_OK, PGRES_TUPLES_OK (libpq-fe.h)

pq = ctypes.CDLL(ctypes.util.find_library("pq"))
for name, result, arguments in (
        ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]),
        ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQexec", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
        ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQresultErrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQgetvalue", ctypes.c_char_p,
         [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
        ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
        ("PQclear", None, [ctypes.c_void_p]),
        ("PQfinish", None, [ctypes.c_void_p]),
        ("PQsetNoticeProcessor", ctypes.c_void_p,
         [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p])):
    function = getattr(pq, name)
    function.restype, function.argtypes = result, arguments

QUIET = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(
    lambda data, text: None)


class Refused(Exception):
    """The server's own words about a statement that it refused."""


class Session:
    """One connection; what runs is one or more statements of text."""

    def __init__(self, socket, database):
        self.raw = pq.PQconnectdb(
            f"host={socket} user=postgres dbname={database}".encode())
        if pq.PQstatus(self.raw) != 0:
            raise OSError(f"no session with {database}")
        pq.PQsetNoticeProcessor(self.raw, ctypes.cast(QUIET, ctypes.c_void_p),
                                None)

    def run(self, text):
        """Run it; the first value of the result, or None."""
        result = pq.PQexec(self.raw, text.encode())
        try:
            if pq.PQresultStatus(result) not in OK:
                raise Refused(pq.PQresultErrorMessage(result).decode().strip())
            if pq.PQntuples(result) > 0:
                return pq.PQgetvalue(result, 0, 0).decode()
            return None
        finally:
            pq.PQclear(result)

    def close(self):
        pq.PQfinish(self.raw)


class Cluster:
    """A cluster below a fresh directory; close() leaves nothing behind."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="differential-")
        os.chmod(self.directory, 0o755)
        self.socket = os.path.join(self.directory, "pg")
        try:
            subprocess.run([TOOL, "start", self.socket, "-c", "jit=off"],
                           check=True, stdout=subprocess.DEVNULL)
        except BaseException:
            self.close()
            raise

    def database(self, name):
        """A new, empty database."""
        session = Session(self.socket, "postgres")
        session.run(f"CREATE DATABASE {name}")
        session.close()
        return Session(self.socket, name)

    def drop(self, name):
        session = Session(self.socket, "postgres")
        session.run(f"DROP DATABASE {name}")
        session.close()

    def document(self, build, name):
        """The catalog of a database, as a JSON text."""
        return subprocess.run(
            [os.path.join(build, "tests", "catalog-document"),
             f"host={self.socket} user=postgres dbname={name}"],
            check=True, stdout=subprocess.PIPE).stdout

    def close(self):
        if os.path.isdir(self.socket):
            subprocess.run([TOOL, "stop", self.socket], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)
