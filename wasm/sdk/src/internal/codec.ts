import type { VideoCodecName, VideoContentHint } from "../options.ts";

/** One codec with the WebCodecs string that we announce and configure. */
export interface CodecEntry {
  readonly name: VideoCodecName;
  readonly codec: string;
}

/**
 * The codecs we know. H.264 is Constrained Baseline (no reordering, decodes everywhere) at level
 * 3.1, which holds 1280×720 at 30/s; larger frames get level 4.0 when the encoder is configured.
 */
export const VIDEO_CODECS: readonly CodecEntry[] = [
  { name: "vp8", codec: "vp8" },
  { name: "h264", codec: "avc1.42e01f" },
  { name: "vp9", codec: "vp09.00.10.08" },
  { name: "av1", codec: "av01.0.04M.08" },
];

/** The codec's name for a WebCodecs string, whatever its profile and level. */
export function codecName(codec: string): VideoCodecName | undefined {
  if (codec === "vp8") return "vp8";
  if (codec.startsWith("avc1.") || codec.startsWith("avc3.")) return "h264";
  if (codec.startsWith("vp09.")) return "vp9";
  if (codec.startsWith("av01.")) return "av1";
  return undefined;
}

/** What the choice depends on. */
export interface CodecQuestion {
  /** What we can encode in real time. */
  readonly encodable: readonly VideoCodecName[];
  /** For everybody else in the room, what they decode, as WebCodecs strings. */
  readonly peers: readonly (readonly string[])[];
  readonly width: number;
  readonly height: number;
  /** Whether frames must be sharp: text, drawings. */
  readonly sharp?: boolean;
  /** The application's order, which overrides ours. */
  readonly preferred?: readonly VideoCodecName[] | undefined;
}

/**
 * The best codec that we can encode and everybody decodes, or undefined if there is none.
 *
 * Up to 640×360 VP8 is cheapest. Above it, the VP8 encoder of browsers collapses on machines with
 * two cores (22 frames/s at 720p, where H.264 makes 106 and VP9 92), so it comes last there. VP9
 * has tools for what is on a screen, which H.264's baseline lacks.
 */
export function chooseCodec(question: CodecQuestion): VideoCodecName | undefined {
  const small = question.width * question.height <= 640 * 360;
  const order =
    question.preferred ??
    (question.sharp === true ? ORDER_SHARP : small ? ORDER_SMALL : ORDER_LARGE);
  return order.find(
    (name) =>
      question.encodable.includes(name) &&
      question.peers.every((decodes) => decodesCodec(decodes, name)),
  );
}

function decodesCodec(decodes: readonly string[], name: VideoCodecName): boolean {
  return decodes.some((codec) => codecName(codec) === name);
}

const ORDER_SMALL: readonly VideoCodecName[] = ["vp8", "h264", "vp9", "av1"];
const ORDER_LARGE: readonly VideoCodecName[] = ["h264", "vp9", "vp8", "av1"];
const ORDER_SHARP: readonly VideoCodecName[] = ["vp9", "h264", "vp8", "av1"];

/** The WebCodecs string to configure for a frame of this size. */
export function codecString(name: VideoCodecName, width: number, height: number): string {
  const macroblocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  switch (name) {
    case "vp8":
      return "vp8";
    case "h264":
      // MaxFS of level 3.1 is 3,600 macroblocks, of level 4.0 8,192.
      return macroblocks <= 3600
        ? "avc1.42e01f"
        : macroblocks <= 8192
          ? "avc1.42e028"
          : "avc1.42e033";
    case "vp9":
      return macroblocks <= 3600 ? "vp09.00.31.08" : "vp09.00.41.08";
    case "av1":
      return macroblocks <= 3600 ? "av01.0.05M.08" : "av01.0.08M.08";
  }
}

/**
 * `contentHint` is newer than the DOM library's types. Encoders that do not know it, or what it
 * says, encode as ever.
 */
declare global {
  interface VideoEncoderConfig {
    contentHint?: string;
  }
}

/**
 * The encoder's configuration for real-time calls; bitrate in bit/s. Where frames must be sharp,
 * one that changes much may take more than its share and those after it less; else each is as large
 * as the path carries in its time.
 */
export function encoderConfig(
  name: VideoCodecName,
  picture: {
    width: number;
    height: number;
    frameRate: number;
    bitrate: number;
    contentHint?: VideoContentHint | "";
  },
): VideoEncoderConfig {
  const { contentHint = "" } = picture;
  return {
    codec: codecString(name, picture.width, picture.height),
    width: picture.width,
    height: picture.height,
    framerate: picture.frameRate,
    bitrate: picture.bitrate,
    bitrateMode: contentHint === "detail" || contentHint === "text" ? "variable" : "constant",
    latencyMode: "realtime",
    ...(contentHint === "" ? {} : { contentHint }),
    ...(name === "h264" ? { avc: { format: "annexb" } } : {}),
  };
}

/** `svc` is newer than the DOM library's types. */
declare global {
  interface EncodedVideoChunkMetadata {
    svc?: { temporalLayerId?: number };
  }
}

/**
 * The same in two temporal layers: every second frame can be left out (W3C webrtc-svc, `L1T2`).
 */
export function inTwoLayers(config: VideoEncoderConfig): VideoEncoderConfig {
  return { ...config, scalabilityMode: "L1T2" };
}

/** Asks the browser whether it encodes so. */
export async function encodesTwoLayers(config: VideoEncoderConfig): Promise<boolean> {
  const support = await VideoEncoder.isConfigSupported(inTwoLayers(config)).catch(() => undefined);
  // A browser that does not know the member leaves it out of what it says it supports.
  return support?.supported === true && support.config?.scalabilityMode === "L1T2";
}

/**
 * Scales a frame down to fit into the bounds, keeping its shape; even numbers, as 4:2:0 wants.
 * Never scales up.
 */
export function fitPicture(
  width: number,
  height: number,
  maxWidth: number,
  maxHeight: number,
): { width: number; height: number } {
  // The bounds are for either orientation: a phone held upright sends 360×640 under a 640×360
  // profile.
  const [boundWidth, boundHeight] = width >= height ? [maxWidth, maxHeight] : [maxHeight, maxWidth];
  const scale = Math.min(1, boundWidth / width, boundHeight / height);
  return { width: even(width * scale), height: even(height * scale) };
}

function even(pixels: number): number {
  return Math.max(2, Math.round(pixels / 2) * 2);
}

/** Asks the browser which codecs it encodes in real time. */
export async function encodableCodecs(): Promise<VideoCodecName[]> {
  if (typeof VideoEncoder === "undefined") return [];
  const found: VideoCodecName[] = [];
  for (const { name } of VIDEO_CODECS) {
    // Firefox says yes to all and then queues frames for a second in all but VP8.
    if (isFirefox() && name !== "vp8") continue;
    const config = encoderConfig(name, {
      width: 640,
      height: 360,
      frameRate: 30,
      bitrate: 1_000_000,
    });
    const support = await VideoEncoder.isConfigSupported(config).catch(() => undefined);
    if (support?.supported === true) found.push(name);
  }
  return found;
}

/** Asks the browser which codecs it decodes; WebCodecs strings, best first. */
export async function decodableCodecs(): Promise<string[]> {
  if (typeof VideoDecoder === "undefined") return [];
  const found: string[] = [];
  for (const { codec } of VIDEO_CODECS) {
    const support = await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true }).catch(
      () => undefined,
    );
    if (support?.supported === true) found.push(codec);
  }
  return found;
}

function isFirefox(): boolean {
  return typeof navigator !== "undefined" && navigator.userAgent.includes("Firefox/");
}
