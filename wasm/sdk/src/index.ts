/**
 * Conferencing for the browser, sealed end to end.
 *
 * ```ts
 * const client = createClient({ gateway: location.origin, token });
 * client.on("stream-subscribed", ({ stream }) => stream.play("remote"));
 * await client.join();
 * const local = createStream({ audio: true, video: true });
 * await local.initialize();
 * await local.play("self");
 * await client.publish(local);
 * ```
 *
 * The names are those of Tencent's TRTC Web SDK v4. Nothing here touches media: that happens in two
 * workers and one audio worklet, which this module starts from the files beside it.
 *
 * @module
 */
import { Client } from "./client.ts";
import { LocalStream } from "./local_stream.ts";
import type { ClientOptions, StreamOptions } from "./options.ts";

export { Client } from "./client.ts";
export { LocalStream } from "./local_stream.ts";
export { RemoteStream } from "./remote_stream.ts";
export { Stream } from "./stream.ts";
export { RtcError, RtcErrorCode } from "./errors.ts";
export type { RtcErrorName } from "./errors.ts";
export type * from "./events.ts";
export type * from "./stats.ts";
export { VIDEO_PROFILES } from "./options.ts";
export type {
  AudioProcessingOptions,
  CertificateIssuer,
  CertificateOptions,
  ClientOptions,
  EncryptionOptions,
  ExternalKeyOptions,
  GroupIdentity,
  GroupKeyOptions,
  GroupSuiteName,
  LogLevel,
  PlayOptions,
  PlayoutDelayOptions,
  StreamOptions,
  TransportChoice,
  VideoCodecName,
  VideoContentHint,
  VideoProfile,
  VideoProfileName,
  VideoStreamType,
  WasmBuild,
} from "./options.ts";
export { getCameras, getDevices, getMicrophones, getSpeakers } from "./devices.ts";
export type { SystemRequirements } from "./devices.ts";
export { checkSystemRequirements, isScreenShareSupported } from "./support.ts";

export { VERSION } from "./version.ts";

/**
 * Makes a participant. Nothing happens before `join`.
 *
 * Throws `INVALID_PARAMETER` for a malformed gateway URL or a key outside 16 to 64 bytes.
 */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

/**
 * Makes a local stream. Nothing is opened before `initialize`.
 *
 * Throws `INVALID_PARAMETER` if neither audio nor video is asked for, or a camera together with
 * a screen.
 */
export function createStream(options: StreamOptions): LocalStream {
  return new LocalStream(options);
}
