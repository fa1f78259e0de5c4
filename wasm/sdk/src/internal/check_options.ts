/** What `createClient` refuses at once. */
import { RtcError } from "../errors.ts";
import type { ClientOptions } from "../options.ts";

/** Throws `INVALID_PARAMETER` for the first option that cannot be used. */
export function checkOptions(options: ClientOptions): void {
  if (!isHttpUrl(options.gateway)) {
    throw new RtcError("INVALID_PARAMETER", "`gateway` is not an http or https URL");
  }
  const { encryption = {} } = options;
  // Said in so many words, but empty: not a reason to take other keys than those that were meant.
  if ("key" in encryption) {
    const key: unknown = encryption.key;
    if (!(key instanceof Uint8Array) || key.length < 16 || key.length > 64) {
      throw new RtcError(
        "INVALID_PARAMETER",
        "`encryption.key` must hold 16 to 64 bytes; leave it out for group keys",
      );
    }
  } else {
    const { identity, certificates } = encryption;
    if (certificates?.chain !== undefined && certificates.issuer !== undefined)
      throw new RtcError(
        "INVALID_PARAMETER",
        "`encryption.certificates` takes a `chain` or an `issuer`, not both",
      );
    if ((certificates?.chain?.length ?? 0) > 0 && !(identity instanceof Uint8Array))
      throw new RtcError(
        "INVALID_PARAMETER",
        "`encryption.identity` must hold the key of `certificates.chain`",
      );
    if (identity instanceof Uint8Array && identity.length !== 32)
      throw new RtcError("INVALID_PARAMETER", "`encryption.identity` must hold 32 bytes");
  }
  const { readyLanes = 0 } = options;
  if (!(Number.isInteger(readyLanes) && readyLanes >= 0 && readyLanes <= 60))
    throw new RtcError("INVALID_PARAMETER", "`readyLanes` is from 0 to 60");
  if (options.token === "") throw new RtcError("INVALID_PARAMETER", "`token` is empty");
}

/**
 * By trying: `URL.canParse` is missing in browsers that {@link checkSystemRequirements} is yet to
 * tell what else they lack.
 */
function isHttpUrl(text: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}
