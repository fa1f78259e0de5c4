/**
 * Stable numeric codes. Below 0x5000 are those of TRTC's Web SDK v4, each with the meaning that it
 * has there; a name that differs from TRTC's is followed by that one. From 0x5000 on are our own,
 * for which TRTC has none. No number of TRTC's means something else here.
 */
export const RtcErrorCode = {
  /** A parameter is missing or out of range. The caller's fault. */
  INVALID_PARAMETER: 0x1000,
  /** The call does not fit the present state, such as publishing before joining. */
  INVALID_OPERATION: 0x1001,
  /** This browser or page lacks something: WebCodecs, a secure context, a transport. */
  NOT_SUPPORTED: 0x1002,
  /** No such camera or microphone. */
  DEVICE_NOT_FOUND: 0x1003,
  /** The gateway could not be reached. */
  SIGNAL_CHANNEL_SETUP_FAILED: 0x4001,
  /** The gateway refused the token. In TRTC: `JOIN_ROOM_FAILED`. */
  JOIN_REFUSED: 0x4004,
  /** The connection was lost and did not come back. */
  SIGNAL_CHANNEL_RECONNECTION_FAILED: 0x4006,
  UPLINK_RECONNECTION_FAILED: 0x4007,
  DOWNLINK_RECONNECTION_FAILED: 0x4008,
  /** The gateway ended the session for good. */
  CLIENT_BANNED: 0x4040,
  /** The browser wants a click before it plays. */
  PLAY_NOT_ALLOWED: 0x4043,
  /** The gateway did not answer in time. In TRTC: `API_CALL_TIMEOUT`. */
  REQUEST_TIMED_OUT: 0x404b,
  /** The operation was cancelled by another one, such as `leave`. In TRTC: `API_CALL_ABORTED`. */
  ABORTED: 0x404d,
  /** The user or the browser denied access to a device. */
  DEVICE_NOT_ALLOWED: 0x5000,
  /** The device is in use elsewhere or broken. */
  DEVICE_NOT_READABLE: 0x5001,
  /** The gateway answered a request with an error. */
  REQUEST_REFUSED: 0x5002,
  /** No video codec that everybody decodes can be encoded here. */
  NO_COMMON_CODEC: 0x5003,
  /** The encoder or decoder of the browser failed. */
  CODEC_FAILED: 0x5004,
  /** Sealing stopped: the key ran out or a self-test failed. Nothing is sent in the clear. */
  ENCRYPTION_FAILED: 0x5005,
  UNKNOWN: 0xffff,
} as const;

/** Name of an error code. */
export type RtcErrorName = keyof typeof RtcErrorCode;

/** The one error type of the SDK: a stable code, a sentence, and `cause` for the log. */
export class RtcError extends Error {
  override readonly name = "RtcError";
  /** The code's name, such as `"DEVICE_NOT_FOUND"`. */
  readonly codeName: RtcErrorName;
  /** Close code of the gateway (`engine/WIRE.md`), where one is behind this error. */
  readonly closeCode: number | undefined;

  constructor(
    codeName: RtcErrorName,
    message: string,
    options: { cause?: unknown; closeCode?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.codeName = codeName;
    this.closeCode = options.closeCode;
  }

  /** The stable number, see {@link RtcErrorCode}. */
  get code(): number {
    return RtcErrorCode[this.codeName];
  }

  /** The stable number, as TRTC spells it. */
  getCode(): number {
    return this.code;
  }
}

/** The shape in which an error crosses from a worker to the page. */
export interface PlainError {
  readonly codeName: RtcErrorName;
  readonly message: string;
  readonly closeCode?: number;
}

/** Flattens any thrown value for `postMessage`. */
export function toPlainError(thrown: unknown): PlainError {
  if (thrown instanceof RtcError) {
    return thrown.closeCode === undefined
      ? { codeName: thrown.codeName, message: thrown.message }
      : { codeName: thrown.codeName, message: thrown.message, closeCode: thrown.closeCode };
  }
  return { codeName: "UNKNOWN", message: describe(thrown) };
}

/** The reverse of {@link toPlainError}. */
export function fromPlainError(plain: PlainError): RtcError {
  return new RtcError(
    plain.codeName,
    plain.message,
    plain.closeCode === undefined ? {} : { closeCode: plain.closeCode },
  );
}

/** Wraps what `getUserMedia` and `getDisplayMedia` reject with. */
export function fromDeviceError(thrown: unknown, what: string): RtcError {
  if (thrown instanceof RtcError) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  switch (name) {
    case "NotFoundError":
    case "OverconstrainedError":
      return new RtcError("DEVICE_NOT_FOUND", `no ${what} was found`, { cause: thrown });
    case "NotAllowedError":
    case "SecurityError":
      return new RtcError("DEVICE_NOT_ALLOWED", `access to the ${what} was denied`, {
        cause: thrown,
      });
    case "NotReadableError":
    case "AbortError":
      return new RtcError("DEVICE_NOT_READABLE", `the ${what} is in use or broken`, {
        cause: thrown,
      });
    default:
      return new RtcError("UNKNOWN", `the ${what} did not start: ${describe(thrown)}`, {
        cause: thrown,
      });
  }
}

/** What a close code of the gateway means for the session (`engine/WIRE.md`). */
export function fromCloseCode(closeCode: number, reason: string): RtcError {
  const because = reason === "" ? "" : `: ${reason}`;
  switch (closeCode) {
    case 4401:
      return new RtcError("JOIN_REFUSED", `the gateway refused the token${because}`, { closeCode });
    case 4402:
      return new RtcError("JOIN_REFUSED", `the token has expired or is not valid yet${because}`, {
        closeCode,
      });
    case 4403:
      return new RtcError(
        "JOIN_REFUSED",
        `the gateway does not serve pages of this origin${because}`,
        { closeCode },
      );
    case 4409:
      return new RtcError("CLIENT_BANNED", `the same user joined this room elsewhere${because}`, {
        closeCode,
      });
    default:
      return new RtcError(
        "SIGNAL_CHANNEL_SETUP_FAILED",
        `the gateway closed the session (${String(closeCode)})${because}`,
        { closeCode },
      );
  }
}

/** Whether trying again with the same token can help. */
export function isRetryable(error: RtcError): boolean {
  const code = error.closeCode;
  return (
    error.codeName !== "JOIN_REFUSED" &&
    error.codeName !== "CLIENT_BANNED" &&
    code !== 4400 &&
    code !== 4413
  );
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
