"""A bounded pool of connections."""
import contextlib
import queue
import threading

import psycopg2
import psycopg2.extras


class Database:
    """At most `size` sessions at a time; more callers wait for one."""

    def __init__(self, url, size):
        self._url = url
        self._permits = threading.BoundedSemaphore(size)
        self._idle = queue.LifoQueue()

    def _connect(self):
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return psycopg2.connect(
                self._url, connect_timeout=3,
                cursor_factory=psycopg2.extras.RealDictCursor)

    @contextlib.contextmanager
    def session(self):
        """One transaction. A connection that failed is not used again."""
        with self._permits:
            connection = self._connect()
            try:
                with connection, connection.cursor() as cursor:
                    yield cursor
            except psycopg2.Error:
                connection.close()
                raise
            finally:
                if not connection.closed:
                    self._idle.put(connection)

    def forget(self):
        """Close what lies idle: the server may have gone and come back."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
