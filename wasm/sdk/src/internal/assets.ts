/**
 * Starts what lies beside the SDK's module, or in `assetBase`, and says in words why that fails.
 */
import { RtcError } from "../errors.ts";

/**
 * The words for a worker that does not start. Browsers say little about it: not even whether the
 * file was there.
 */
export function notStarted(
  file: string,
  base: string | URL | undefined,
  reason: string,
  cause?: unknown,
): RtcError {
  const where = base === undefined ? `beside ${import.meta.url}` : `in ${String(base)}`;
  return new RtcError(
    "NOT_SUPPORTED",
    `the worker ${file} ${where} did not start: ${reason.replace(/\.$/, "")}. It must be served there, at the page's own origin, and the page's policy (worker-src) must allow it; see “Bundlers” in the SDK's README`,
    { cause },
  );
}

/**
 * Starts `file` in `base`, or `beside` the module, where a bundler finds it; `NOT_SUPPORTED` if the
 * browser refuses, as for another origin's.
 */
export function startWorker(
  file: string,
  name: string,
  base: string | URL | undefined,
  beside: () => Worker,
): Worker {
  try {
    return base === undefined
      ? beside()
      : new Worker(new URL(file, base), { type: "module", name });
  } catch (thrown) {
    throw notStarted(file, base, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
}
