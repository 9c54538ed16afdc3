"""A gRPC client on grpcio that calls the test service and prints one line of JSON per case."""

import argparse
import concurrent.futures
import hashlib
import json
import sys
import time

import grpc

SERVICE = "/mesh.interop.Echo/"
CALL_TIMEOUT_S = 20
BIG_BYTES = 4 << 20
MANY_CALLS = 100


class Fault(Exception):
    pass


def check(condition, detail):
    if not condition:
        raise Fault(detail)


class Caller:
    """Without serializers grpcio takes and gives bytes, so that no schema is needed."""

    def __init__(self, channel):
        self.channel = channel

    def unary(self, method, request, timeout_s=CALL_TIMEOUT_S, metadata=None):
        return self.channel.unary_unary(SERVICE + method)(request, timeout=timeout_s, metadata=metadata)

    def fails(self, code, call):
        try:
            call()
        except grpc.RpcError as error:
            check(error.code() == code, f"code is {error.code()}, not {code}: {error.details()}")
            return error
        raise Fault(f"no error, but {code} was due")


def unary(c):
    answer = c.unary("Unary", b"hello")
    check(answer == b"hello", f"got {answer!r}")


def metadata_both_ways(c):
    metadata = (("x-word", "mesh"), ("x-raw-bin", b"\x00\x01\xff"))
    _, call = c.channel.unary_unary(SERVICE + "Unary").with_call(b"", timeout=CALL_TIMEOUT_S, metadata=metadata)
    header, trailer = dict(call.initial_metadata()), dict(call.trailing_metadata())
    check(header.get("x-word-back") == "mesh", f"headers {header}")
    check(header.get("x-raw-back-bin") == b"\x00\x01\xff", f"headers {header}")
    check(trailer.get("x-end") == "last", f"trailers {trailer}")


def error_status(c):
    request = "9 déjà vu: 100%".encode()
    error = c.fails(grpc.StatusCode.FAILED_PRECONDITION, lambda: c.unary("Fail", request))
    check(error.details() == "déjà vu: 100%", f"message is {error.details()!r}")
    check(dict(error.trailing_metadata()).get("x-reason") == "asked", f"trailers {error.trailing_metadata()}")


def unimplemented(c):
    c.fails(grpc.StatusCode.UNIMPLEMENTED, lambda: c.unary("Nothing", b""))


def server_stream(c):
    messages = list(c.channel.unary_stream(SERVICE + "Down")(b"200 1000", timeout=CALL_TIMEOUT_S))
    check(len(messages) == 200, f"{len(messages)} messages")
    for n, message in enumerate(messages):
        check(len(message) == 1000 and message.startswith(b"%d " % n), f"message {n} is {message[:20]!r}")


def client_stream(c):
    messages = [b"%d " % n * 100 for n in range(200)]
    answer = c.channel.stream_unary(SERVICE + "Up")(iter(messages), timeout=CALL_TIMEOUT_S)
    want = f"200 {hashlib.sha256(b''.join(messages)).hexdigest()}"
    check(answer.decode() == want, f"got {answer!r}, not {want!r}")


def bidi(c):
    waiting = []

    def requests():
        for n in range(100):
            waiting.append(b"ping %d" % n)
            yield waiting[-1]

    answers = list(c.channel.stream_stream(SERVICE + "Both")(requests(), timeout=CALL_TIMEOUT_S))
    check(answers == waiting, f"{len(answers)} answers")


def upstream_saw(c, key):
    """Waits until the server says that it saw the call with this key end early."""
    until = time.monotonic() + CALL_TIMEOUT_S
    while c.unary("Cancelled", key) != b"1":
        check(time.monotonic() < until, "the server never saw the end")
        time.sleep(0.02)


def deadline(c):
    key = b"deadline-%d" % time.time_ns()
    c.fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: c.unary("Hang", key, timeout_s=0.3))
    upstream_saw(c, key)


def cancel(c):
    key = b"cancel-%d" % time.time_ns()
    call = c.channel.unary_unary(SERVICE + "Hang").future(key, timeout=CALL_TIMEOUT_S)
    time.sleep(0.2)
    call.cancel()
    check(call.cancelled(), "not cancelled")
    upstream_saw(c, key)


def big(c):
    message = b"0123456789abcdef" * (BIG_BYTES // 16)
    answer = c.unary("Unary", message)
    check(answer == message, f"{len(answer)} bytes came back")


def many(c):
    def one(n):
        message = b"%d;" % n * (1 + n * 20)
        answer = c.unary("Unary", message)
        check(answer == message, f"call {n} got {answer[:20]!r}")

    with concurrent.futures.ThreadPoolExecutor(MANY_CALLS) as pool:
        list(pool.map(one, range(MANY_CALLS)))


def unavailable(c):
    metadata = (("x-to", "dead"),)
    error = c.fails(grpc.StatusCode.UNAVAILABLE, lambda: c.unary("Unary", b"hello", metadata=metadata))
    return error.details()


CASES = {
    "unary": unary,
    "metadata": metadata_both_ways,
    "error": error_status,
    "unimplemented": unimplemented,
    "server-stream": server_stream,
    "client-stream": client_stream,
    "bidi": bidi,
    "deadline": deadline,
    "cancel": cancel,
    "big": big,
    "many": many,
    "unavailable": unavailable,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-target", required=True)
    parser.add_argument("-ca", default="")
    parser.add_argument("-authority", default="")
    arguments = parser.parse_args()
    options = [("grpc.max_receive_message_length", 16 << 20), ("grpc.enable_http_proxy", 0)]
    if arguments.ca:
        with open(arguments.ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        options.append(("grpc.ssl_target_name_override", arguments.authority))
        channel = grpc.secure_channel(arguments.target, credentials, options)
    else:
        channel = grpc.insecure_channel(arguments.target, options)
    with channel:
        caller = Caller(channel)
        for name, case in CASES.items():
            try:
                detail, ok = case(caller) or "", True
            except (Fault, grpc.RpcError) as error:
                detail, ok = f"{type(error).__name__}: {error}", False
            print(json.dumps({"case": name, "ok": ok, "detail": detail}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
