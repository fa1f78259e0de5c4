import type { NetworkQualityLevel } from "../events.ts";

/**
 * Rates a direction of the network from round-trip time and loss, in the manner of the E-model (ITU-T G.107 with the
 * effective-loss term of Opus with concealment): R = 93.2 − delay impairment − loss impairment.
 *
 * `rttMs` below 0 means unknown; `loss` is 0 to 1.
 */
export function rateNetwork(rttMs: number, loss: number): NetworkQualityLevel {
  if (rttMs < 0 || Number.isNaN(rttMs) || Number.isNaN(loss)) return 0;
  const r = rFactor(rttMs, loss);
  if (r >= 85) return 1;
  if (r >= 75) return 2;
  if (r >= 60) return 3;
  if (r >= 45) return 4;
  return 5;
}

/** The E-model's transmission rating, 0 to 93.2. */
export function rFactor(rttMs: number, loss: number): number {
  // One way, plus what capture, codec and playout add.
  const delay = rttMs / 2 + PROCESSING_MS;
  const delayImpairment = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
  const lossPercent = Math.min(Math.max(loss, 0), 1) * 100;
  const lossImpairment = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS);
  return Math.max(0, 93.2 - delayImpairment - lossImpairment);
}

const PROCESSING_MS = 40;
/** Bpl of G.107: how much random loss the codec hides. */
const LOSS_ROBUSTNESS = 25;
