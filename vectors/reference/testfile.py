"""Writes files in Wycheproof's schema: the same bytes for the same cases."""

import json
import pathlib

VECTORS = pathlib.Path(__file__).resolve().parent.parent


def load(name):
    return json.loads((VECTORS / name).read_text())


def notes(flags):
    """`FLAG: TYPE: words` for each flag, as Wycheproof writes them."""
    result = {}
    for flag, words in flags.items():
        kind, description = words.split(": ", 1)
        result[flag] = {"bugType": kind, "description": description}
    return result


class Groups:
    """Cases in groups of common parameters, in the order in which the parameters first came."""

    def __init__(self, kind, source):
        self.kind, self.source, self.groups = kind, source, {}

    def add(self, parameters, case):
        key = json.dumps(parameters)
        head = {"type": self.kind, "source": {"name": self.source, "version": "1"}, **parameters, "tests": []}
        group = self.groups.setdefault(key, head)
        group["tests"].append(case)


def write(name, algorithm, schema, header, flags, *grouped, **more):
    """`grouped`: the `Groups` of the file. Bytes among the fields become hexadecimal, cases get their numbers. Flags that no
    case has are an error, and so are flags without a note."""
    count, used, groups = 0, set(), []
    for each in grouped:
        for group in each.groups.values():
            tests = []
            for case in group["tests"]:
                count += 1
                used |= set(case["flags"])
                written = {k: v.hex() if isinstance(v, bytes) else v for k, v in case.items()}
                tests.append({"tcId": count, **written, "source": case.get("source", each.source)})
            groups.append({**group, "tests": tests})
    assert used == set(flags), used ^ set(flags)
    content = {
        "algorithm": algorithm, "schema": schema, "numberOfTests": count, "header": header, **more,
        "notes": notes(flags), "testGroups": groups,
    }
    path = VECTORS / name
    path.write_text(json.dumps(content, indent=0, ensure_ascii=False) + "\n")
    print(f"{name}: {count} cases, {path.stat().st_size} bytes")
