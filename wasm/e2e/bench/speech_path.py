"""make bench-speech: what the path of sound does to speech, without a browser and the same every time.

speech_path.py PROGRAM REFERENCE.wav: runs the example `speech` of the package smrtc-audio over what loss there may be, and judges what comes
out (see weaknet/speech.py). Prints one JSON object, and on stderr a table. The reference is what `bench-weaknet` speaks, a minute.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

sys.path.append(str(Path(__file__).parent / "weaknet"))
from speech import RATE, judge, read  # noqa: E402

CASES = [
    *({"complexity": complexity} for complexity in (5, 8, 10)),
    *({"loss": loss} for loss in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)),
    *({"loss": loss, "copies-known": 0} for loss in (0.05, 0.1, 0.3)),
]
UP = 48_000 // RATE


def run(program, reference, spoken, case):
    options = [word for name, value in case.items() for word in (f"--{name}", str(value))]
    done = subprocess.run([program, *options], input=spoken, capture_output=True, check=True)
    heard = resample_poly(np.frombuffer(done.stdout, "<f4").astype(np.float64), 1, UP)
    return {**case, **json.loads(done.stderr), **judge(reference, heard)}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    reference = read(sys.argv[2])
    spoken = resample_poly(reference, UP, 1).astype("<f4").tobytes()
    results = []
    print(f"{'case':30} {'PESQ':>5} {'STOI':>6} {'concealed':>10} {'stretched':>10} {'buffer':>7}", file=sys.stderr)
    for case in CASES:
        result = run(sys.argv[1], reference, spoken, case)
        results.append(result)
        name = ", ".join(f"{key} {value}" for key, value in case.items())
        shares = f"{result['concealed_share']:10.2%} {result['stretched_share']:10.2%}"
        print(f"{name:30} {result['pesq']:5.2f} {result['stoi']:6.3f} {shares} {result['target_delay_ms']:4} ms", file=sys.stderr)
    print(json.dumps({"bench": "speech", "cases": results}))


main()
