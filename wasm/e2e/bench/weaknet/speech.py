"""How well speech came through: speech.py REFERENCE.wav RECEIVED.wav

The reference is played in a loop, the recording begins anywhere in it. It is cut into pieces of eight seconds, as P.862.3 wants
them; each is looked for in the reference and scored by itself against what was found: PESQ (ITU-T P.862.2, wide band) and
STOI (Taal et al., IEEE Trans. Audio Speech Lang. Process. 19(7), 2011). Prints one JSON object: the means, and the pieces.
A piece of which nothing is heard has the lowest scores, 1.04 and 0.
"""

import json
import sys
from math import gcd

import numpy as np
from pesq import NoUtterancesError, pesq
from pystoi import stoi
from scipy.io import wavfile
from scipy.signal import correlate, resample_poly

RATE = 16_000
PIECE = 8 * RATE
WORST = {"pesq": 1.04, "stoi": 0.0}


def read(path):
    rate, samples = wavfile.read(path)
    samples = samples.astype(np.float64) / 32_768
    common = gcd(RATE, rate)
    return resample_poly(samples, RATE // common, rate // common)


def score(piece, looped):
    """Both scores of a piece, against the stretch of `looped` that fits best."""
    if np.sqrt(np.mean(piece**2)) < 1e-4:
        return WORST
    fits = correlate(looped, piece, mode="valid", method="fft")
    energy = np.cumsum(np.concatenate(([0.0], looped**2)))
    loud = np.sqrt(energy[len(piece) :] - energy[: -len(piece)]) + 1e-9
    begin = int(np.argmax(fits / loud))
    reference = looped[begin : begin + len(piece)]
    try:
        quality = pesq(RATE, reference, piece, "wb")
    except NoUtterancesError:
        return WORST
    return {"pesq": float(quality), "stoi": float(stoi(reference, piece, RATE))}


def judge(reference, received):
    """Means over the pieces of what was received, and the pieces."""
    looped = np.concatenate((reference, reference[:PIECE]))
    pieces = [score(received[at : at + PIECE], looped) for at in range(0, len(received) - PIECE + 1, PIECE)]
    if not pieces:
        sys.exit(f"what was received is shorter than a piece, {PIECE // RATE} s")
    means = {name: float(np.mean([piece[name] for piece in pieces])) for name in WORST}
    return {**means, "pieces": pieces}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(json.dumps(judge(read(sys.argv[1]), read(sys.argv[2]))))


if __name__ == "__main__":
    main()
