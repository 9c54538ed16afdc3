"""Client and server made with pip's thrift: client TIMEOUT-MS HASTY-TIMEOUT-MS | server NAME PORT…, in the order of STYLES."""

import logging
import queue
import sys
import threading
import time

from caller import serve_input, serve_until_input_ends
from echo import Echo
from echo.ttypes import Refused
from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolFactory
from thrift.protocol.THeaderProtocol import THeaderProtocolFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport import TSocket
from thrift.transport.THeaderTransport import THeaderClientType, THeaderSubprotocolID
from thrift.transport.TTransport import TBufferedTransportFactory, TFramedTransportFactory

STYLES = ["framed-binary", "framed-compact", "buffered-binary", "buffered-compact", "header-binary", "header-compact"]


def factories(style):
    transport, encoding = style.split("-")
    if transport == "header":
        protocol = THeaderSubprotocolID.COMPACT if encoding == "compact" else THeaderSubprotocolID.BINARY
        clients = (THeaderClientType.HEADERS, THeaderClientType.FRAMED_BINARY, THeaderClientType.FRAMED_COMPACT)
        return TBufferedTransportFactory(), THeaderProtocolFactory(clients, protocol)
    return (
        TFramedTransportFactory() if transport == "framed" else TBufferedTransportFactory(),
        TCompactProtocolFactory() if encoding == "compact" else TBinaryProtocolFactory(),
    )


class Handler:
    def __init__(self, name):
        self._name = name
        self._notes = []

    def echo(self, text):
        return text

    def delay(self, text, millis):
        time.sleep(millis / 1000)
        return text

    def fail(self, message):
        raise Refused(message)

    def note(self, token):
        self._notes.append(token)

    def notes(self):
        return self._notes

    def who(self):
        return self._name


class Service:
    """Calls over as many connections as there are calls at once: one takes one call at a time."""

    def __init__(self, address, style, timeout_ms, hasty_timeout_ms):
        self._address, self._style = address, style
        self._timeout_ms, self._hasty_timeout_ms = timeout_ms, hasty_timeout_ms
        self._idle = queue.SimpleQueue()

    def _call(self, method, *arguments, timeout_ms=None, headers=None):
        try:
            socket, client = self._idle.get_nowait()
        except queue.Empty:
            socket, client = self._connect()
        socket.setTimeout(timeout_ms or self._timeout_ms)
        if headers is not None:
            client._oprot.clear_headers()
            for key, value in headers.items():
                client._oprot.set_header(key.encode(), value.encode())
        try:
            answer = getattr(client, method)(*arguments)
        except Refused:
            self._idle.put((socket, client))
            raise
        except Exception as error:
            # A connection on which an answer may still come is of no use.
            if type(error).__name__ == "TApplicationException":
                self._idle.put((socket, client))
            else:
                socket.close()
            raise
        self._idle.put((socket, client))
        return answer

    def _connect(self):
        host, port = self._address.split(":")
        socket = TSocket.TSocket(host, int(port))
        transports, protocols = factories(self._style)
        transport = transports.getTransport(socket)
        socket.setTimeout(self._timeout_ms)
        transport.open()
        return socket, Echo.Client(protocols.getProtocol(transport))

    def hasty_delay(self, text, millis):
        return self._call("delay", text, millis, timeout_ms=self._hasty_timeout_ms)

    def who_with(self, key, value):
        return self._call("who", headers={key: value})

    def __getattr__(self, method):
        return lambda *arguments: self._call(method, *arguments)


def serve(name, ports):
    processor = Echo.Processor(Handler(name))
    for port, style in zip(ports, STYLES):
        server = TThreadedServer(processor, TSocket.TServerSocket("127.0.0.1", int(port)), *factories(style), daemon=True)
        threading.Thread(target=server.serve, daemon=True).start()
    serve_until_input_ends(int(ports[0]))


logging.basicConfig(level=logging.CRITICAL)
role, *words = sys.argv[1:]
if role == "server":
    serve(words[0], words[1:])
else:
    serve_input(lambda address, style: Service(address, style, int(words[0]), int(words[1])))
