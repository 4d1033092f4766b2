"""Feature flags: a JSON file of name -> true or false."""
import json


class Flags:
    def __init__(self, path):
        self._path = path

    def on(self, name):
        """Read at every question: a switch must work without a restart."""
        try:
            with open(self._path, encoding="utf-8") as file:
                return json.load(file).get(name) is True
        except (OSError, ValueError):
            return False
