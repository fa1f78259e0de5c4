"""The pipe of `smrtc-vectors check --impl`: requests on standard input, answers on standard output, one JSON
object on a line. `vectors/README.md` documents it."""

import json
import sys


class Refused(Exception):
    """These inputs must not be worked with: a wrong tag, wrong padding, a length that is not allowed."""


class Unsupported(Exception):
    """The implementation does not have this, in plain words."""


def hexed(**outputs):
    return {name: value.hex() for name, value in outputs.items()}


def serve(name, build, operations):
    """Answers until the input ends. `operations` maps an `op` to a function of the request."""
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "hello":
            answer = {"result": "ok", "protocol": 1, "name": name, "build": build}
        else:
            answer = _answer(operations, request)
        print(json.dumps({"id": request["id"], **answer}), flush=True)


def _answer(operations, request):
    operation = operations.get(request["op"])
    try:
        if operation is None:
            raise Unsupported(f"{request['op']} is not in this adapter")
        return {"result": "ok", **operation(request)}
    except Refused as refused:
        return {"result": "refused", "reason": str(refused)}
    except Unsupported as unsupported:
        return {"result": "unsupported", "reason": str(unsupported)}


def bytes_of(request, *names):
    return [bytes.fromhex(request[name]) for name in names]
