"""Lambda's Runtime API for one invocation: what a function's runtime asks for its event and tells what came of it.

Any runtime interface client speaks it, AWS's own included, so a container's command works here as it does there:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Starting the process and its end are in `lambda_run`.
"""

from __future__ import annotations

import threading
import time

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

_PREFIX = "/2018-06-01/runtime/"
#: Seconds that closing takes at most.
_POLL = 0.05


class RuntimeApi:
    """A listener of its own, since a runtime is told an address only.

    `timeout`, in seconds, runs from when the runtime asks for its event, which is `asked` (monotonic). `over` is set
    when it asks for another, or cannot start.
    """

    def __init__(self, host: str, event: bytes, request_id: str, arn: str, timeout: float) -> None:
        self._event = event
        self._request_id = request_id
        self._arn = arn
        self._timeout = timeout
        self.asked: float | None = None
        self.over = threading.Event()
        self.response: bytes | None = None
        self.error: bytes | None = None
        self._closed = threading.Event()
        self._http = make_server(host, 0, Request.application(self._answer), threaded=True)
        self.address = f"{host}:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(_POLL,), daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._http.shutdown()
        self._http.server_close()

    def _answer(self, request: Request) -> Response:
        call = (request.method, request.path.removeprefix(_PREFIX))
        if call == ("GET", "invocation/next"):
            return self._next()
        if call == ("POST", f"invocation/{self._request_id}/response"):
            self.response = request.get_data()
        elif call in (("POST", f"invocation/{self._request_id}/error"), ("POST", "init/error")):
            self.error = request.get_data()
            if call[1] == "init/error":
                self.over.set()
        else:
            return Response(f"no call {request.method} {request.path}", 404)
        return Response('{"status": "OK"}', 202, content_type="application/json")

    def _next(self) -> Response:
        """The event, once; whoever asks again has done its work and waits, as a frozen environment does."""
        if self.asked is not None:
            self.over.set()
            self._closed.wait()
            return Response("the environment has ended", 410)
        self.asked = time.monotonic()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self._request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self._timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._arn,
        }
        return Response(self._event, 200, headers, content_type="application/json")
