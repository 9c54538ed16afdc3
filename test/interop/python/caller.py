"""Makes the calls that standard input asks for, as Caller.java does (test/interop/java/mesh/interop)."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

_printing = threading.Lock()


def say(**fields):
    with _printing:
        print(json.dumps(fields, separators=(",", ":")), flush=True)


def serve_input(open_service):
    """`open_service(address, style)` gives the service there; its methods may be called from any thread."""
    services = {}
    pool = ThreadPoolExecutor(max_workers=32)
    say(ready=True)
    for line in sys.stdin:
        call_id, target, *words = line.rstrip("\n").split("\t")
        if target not in services:
            address, _, style = target.partition("/")
            services[target] = open_service(address, style)
        pool.submit(_answer, call_id, services[target], words)
    pool.shutdown(wait=False, cancel_futures=True)


def serve_until_input_ends(port):
    say(ready=True, port=port)
    sys.stdin.read()


def _answer(call_id, service, words):
    started_at = time.monotonic()
    try:
        result = {"value": str(_call(service, *words))}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    say(id=call_id, **result, ms=round((time.monotonic() - started_at) * 1000))


def _call(service, operation, first="", second="", third=""):
    if operation == "open":
        return "opened"
    if operation == "big":
        return _echo_big(service, int(first))
    if operation == "many":
        return _many(service, first, int(second), int(third))
    if operation == "flow":
        return _flow(service, first, int(second), int(third))
    if operation == "delay":
        return service.delay(first, int(second))
    if operation == "hastyDelay":
        return service.hasty_delay(first, int(second))
    if operation == "notes":
        return ",".join(service.notes())
    if operation == "who":
        return service.who()
    if operation == "whoWith":
        return service.who_with(first, second)
    if operation == "note":
        service.note(first)
        return "sent"
    if operation in ("echo", "fail"):
        return getattr(service, operation)(first)
    raise ValueError(f"no operation {operation}")


def _echo_big(service, length):
    text = " ".join(str(i) for i in range(length))[:length]
    if service.echo(text) != text:
        raise ValueError("the text came back changed")
    return length


def _many(service, prefix, calls, width):
    def right(n):
        token = f"{prefix}-{n}"
        return service.echo(token) == token

    with ThreadPoolExecutor(max_workers=width) as lanes:
        return sum(lanes.map(right, range(calls)))


def _flow(service, prefix, millis, width):
    end = time.monotonic() + millis / 1000

    def lane(i):
        right = crossed = failed = n = 0
        error = ""
        while time.monotonic() < end:
            token = f"{prefix}-{i}-{n}"
            n += 1
            time.sleep(0.002)
            try:
                if service.echo(token) == token:
                    right += 1
                else:
                    crossed += 1
            except Exception as thrown:
                failed += 1
                error = f"{type(thrown).__name__}: {thrown}"
        return right, crossed, failed, error

    with ThreadPoolExecutor(max_workers=width) as lanes:
        results = list(lanes.map(lane, range(width)))
    sums = [sum(result[k] for result in results) for k in range(3)]
    return ",".join([*map(str, sums), next((r[3] for r in results if r[3]), "")])
