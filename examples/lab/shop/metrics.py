"""Counters in Prometheus' text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/"""
import collections
import threading

BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def labels(**pairs):
    return "{" + ",".join(f'{k}="{v}"' for k, v in pairs.items()) + "}"


class Metrics:
    def __init__(self, instance, version):
        self._common = {"service": "api", "instance_name": instance,
                        "version": version}
        self._lock = threading.Lock()
        # Born at zero: a share of errors is 0 before the first one, not
        # missing.
        self._requests = collections.Counter(
            {("200", ""): 0, ("500", ""): 0})
        self._buckets = collections.Counter()
        self._seconds = 0.0

    def count(self, code, feature, seconds):
        with self._lock:
            self._requests[str(code), feature] += 1
            self._seconds += seconds
            for bound in BOUNDS:
                if seconds <= bound:
                    self._buckets[bound] += 1
            self._buckets["+Inf"] += 1

    def text(self):
        with self._lock:
            lines = list(self._request_lines()) + list(self._bucket_lines())
        return "\n".join(lines) + "\n"

    def _request_lines(self):
        yield "# TYPE http_requests_total counter"
        for (code, feature), number in sorted(self._requests.items()):
            where = labels(**self._common, code=code, feature=feature)
            yield f"http_requests_total{where} {number}"

    def _bucket_lines(self):
        name = "http_request_duration_seconds"
        yield f"# TYPE {name} histogram"
        for bound in BOUNDS + ("+Inf",):
            where = labels(**self._common, le=bound)
            yield f"{name}_bucket{where} {self._buckets[bound]}"
        yield f"{name}_sum{labels(**self._common)} {self._seconds:.6f}"
        yield f"{name}_count{labels(**self._common)} {self._buckets['+Inf']}"
