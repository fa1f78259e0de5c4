/** Loudness of a microphone before the call, when nothing is encoded yet that would tell it. */
export class LevelMeter {
  readonly #context = new AudioContext();
  readonly #analyser = this.#context.createAnalyser();
  readonly #samples = new Float32Array(this.#analyser.fftSize);
  #source: MediaStreamAudioSourceNode | undefined;
  #track: MediaStreamTrack | undefined;

  /** 0 to 1 on a scale that speech fills; 0 while the browser holds audio back until a click. */
  level(track: MediaStreamTrack | undefined): number {
    if (track !== this.#track) {
      this.#source?.disconnect();
      this.#track = track;
      this.#source = track
        ? this.#context.createMediaStreamSource(new MediaStream([track]))
        : undefined;
      this.#source?.connect(this.#analyser);
    }
    if (!track) return 0;
    if (this.#context.state === "suspended") void this.#context.resume();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power =
      this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    // From −60 dB to −10 dB.
    return Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 50));
  }

  close(): void {
    void this.#context.close();
  }
}
