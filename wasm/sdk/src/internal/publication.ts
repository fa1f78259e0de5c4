/**
 * A local stream while it is published: what the gateway was told and what the uplink worker sends.
 */
import { RtcError } from "../errors.ts";
import type { LocalStream } from "../local_stream.ts";
import type { VideoCodecName } from "../options.ts";
import { chooseCodec, codecString } from "./codec.ts";
import type { EngineHost } from "./engine_host.ts";
import type { Track } from "./generated/engine.ts";
import type { Logger } from "./logger.ts";
import { needLive } from "./capture.ts";
import { openVideoSource } from "./video_source.ts";
import type { OpenSource } from "./video_source.ts";
import type { VideoSettings } from "./worker_protocol.ts";

/** What a `LocalStream` tells of itself while published. */
export interface PublicationHooks {
  readonly userId: string;
  tracksChanged(): Promise<void>;
  profileChanged(): Promise<void>;
  muteChanged(): void;
  captureVolumeChanged(volume: number): void;
  audioLevel(): number;
}

/** What a publication needs to know of its client. */
export interface PublicationContext {
  readonly host: EngineHost;
  readonly log: Logger;
  readonly userId: string;
  /**
   * The number of the session, if there is one. Without one, what is published is what the next
   * session is told of.
   */
  session(): number | undefined;
  readonly encodable: readonly VideoCodecName[];
  readonly preferredCodecs: readonly VideoCodecName[] | undefined;
  /** For each peer, what it decodes. */
  peerCodecs(): readonly (readonly string[])[];
  audioLevel(): number;
  onError(error: unknown): void;
}

/** Track numbers: fixed, since a client has one main and one auxiliary stream. */
const AUDIO_TRACK = 0;
const MAIN_VIDEO_TRACK = 1;
const AUXILIARY_VIDEO_TRACK = 2;

export class Publication implements PublicationHooks {
  readonly videoTrackNumber: number;
  readonly #stream: LocalStream;
  readonly #context: PublicationContext;
  #audioTrack: MediaStreamTrack | undefined;
  #videoTrack: MediaStreamTrack | undefined;
  #source: OpenSource | undefined;
  #codec: VideoCodecName | undefined;
  #size = { width: 0, height: 0, codec: "" };
  /** Changes run one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(stream: LocalStream, context: PublicationContext) {
    this.#stream = stream;
    this.#context = context;
    this.videoTrackNumber = stream.isScreen() ? AUXILIARY_VIDEO_TRACK : MAIN_VIDEO_TRACK;
  }

  get userId(): string {
    return this.#context.userId;
  }

  /** Publishes what the stream has; called again after a reconnection. */
  async publish(): Promise<void> {
    if (this.#closed) return;
    this.#audioTrack = undefined;
    // A source that runs is kept: the worker goes on encoding through a reconnection.
    const videoRuns =
      this.#videoTrack !== undefined && this.#videoTrack === this.#stream.getVideoTrack();
    const requests: Promise<void>[] = [];
    if (videoRuns) requests.push(this.#request("publish", this.#videoInfo()));
    else this.#videoTrack = undefined;
    requests.push(this.#run(() => this.#sync()));
    await settled(requests);
  }

  async unpublish(): Promise<void> {
    this.#detach();
    await this.#run(() => settled([this.#syncAudio(undefined), this.#syncVideo(undefined)]));
  }

  /** The session is over; nothing is left to tell the gateway. */
  dispose(): void {
    this.#detach();
    this.#source?.stop();
  }

  async tracksChanged(): Promise<void> {
    let begun: number | undefined;
    try {
      await this.#run(() => {
        begun = this.#context.session();
        return this.#sync();
      });
    } catch (thrown) {
      if (this.#isSession(begun)) throw thrown;
    }
  }

  profileChanged(): Promise<void> {
    return this.#run(async () => {
      if (this.#videoTrack === undefined) return;
      await this.#context.host.uplink.call("updateVideo", {
        track: this.videoTrackNumber,
        settings: this.#settings(),
      });
    });
  }

  /** Who is in the room changed: perhaps another codec suits everybody. */
  peersChanged(): Promise<void> {
    return this.#run(async () => {
      if (this.#videoTrack === undefined || this.#closed) return;
      const earlier = this.#codec;
      const settings = this.#settings();
      if (settings.codec === earlier) return;
      this.#context.log.info(
        `track ${this.videoTrackNumber}: ${earlier ?? "none"} → ${settings.codec} for the sake of the room`,
      );
      // The size notice that follows tells the room.
      await this.#context.host.uplink.call("updateVideo", {
        track: this.videoTrackNumber,
        settings,
      });
    });
  }

  /** The worker got the source's last frame. */
  onSourceEnded(): void {
    this.#stream.tracks.look();
  }

  muteChanged(): void {
    const report = (thrown: unknown): void => this.#context.onError(thrown);
    if (this.#audioTrack !== undefined) this.#tellAudioOff().catch(report);
    if (this.#videoTrack !== undefined) this.#tellVideoOff().catch(report);
  }

  captureVolumeChanged(volume: number): void {
    this.#context.host.audio.setCaptureVolume(volume);
  }

  audioLevel(): number {
    return this.#audioTrack === undefined ? 0 : this.#context.audioLevel();
  }

  /** The worker found out the real size, or changed the codec. */
  onVideoSize(width: number, height: number, codec: string): void {
    const { width: oldWidth, height: oldHeight, codec: oldCodec } = this.#size;
    if (width === oldWidth && height === oldHeight && codec === oldCodec) return;
    this.#size = { width, height, codec };
    if (this.#videoTrack !== undefined)
      this.#request("update-track", this.#videoInfo()).catch((thrown: unknown) =>
        this.#context.onError(thrown),
      );
  }

  /**
   * Nothing is to be told any more, unless by `unpublish`. The stream may have been published anew
   * already.
   */
  #detach(): void {
    this.#closed = true;
    if (this.#stream.publication === this) this.#stream.publication = undefined;
  }

  /** Both at once, so that others learn of audio and video together. */
  async #sync(): Promise<void> {
    if (this.#closed) return;
    await settled([
      this.#syncAudio(this.#stream.getAudioTrack()),
      this.#syncVideo(this.#stream.getVideoTrack()),
    ]);
  }

  async #syncAudio(track: MediaStreamTrack | undefined): Promise<void> {
    const { host } = this.#context;
    const earlier = this.#audioTrack;
    if (track === earlier) return;
    this.#audioTrack = track;
    host.audio.setMicrophone(track);
    if (track === undefined) {
      await host.uplink.call("setAudio", { track: undefined });
      await host.uplink.call("request", { kind: "unpublish", number: AUDIO_TRACK });
      return;
    }
    if (earlier !== undefined) {
      if (earlier.readyState === "ended") await this.#tellAudioOff();
      return;
    }
    host.audio.setCaptureVolume(this.#stream.captureVolume);
    await this.#orUndo(
      () => this.#syncAudio(undefined),
      [
        this.#request("publish", this.#audioInfo()),
        host.uplink.call("setAudio", { track: AUDIO_TRACK }),
        host.uplink.call("muteAudio", { muted: this.#stream.tracks.isOff("audio") }),
      ],
    );
  }

  async #syncVideo(track: MediaStreamTrack | undefined): Promise<void> {
    const { host } = this.#context;
    const number = this.videoTrackNumber;
    const earlier = this.#videoTrack;
    if (track === earlier) return;
    needLive(track);
    this.#videoTrack = track;
    this.#source?.stop();
    this.#source = undefined;
    if (track === undefined) {
      await host.uplink.call("removeVideo", { track: number });
      await host.uplink.call("request", { kind: "unpublish", number });
      return;
    }
    if (earlier !== undefined) {
      const open = (this.#source = openVideoSource(track));
      await host.uplink.call(
        "replaceVideoSource",
        { track: number, source: open.source },
        open.transfer,
      );
      if (earlier.readyState === "ended") await this.#tellVideoOff();
      return;
    }
    let settings: VideoSettings;
    try {
      settings = this.#settings();
    } catch (thrown) {
      this.#videoTrack = undefined;
      throw thrown;
    }
    const open = (this.#source = openVideoSource(track));
    const { width, height } = track.getSettings();
    this.#size = {
      width: width ?? settings.maxWidth,
      height: height ?? settings.maxHeight,
      codec: codecString(settings.codec, settings.maxWidth, settings.maxHeight),
    };
    const kind = this.#stream.isScreen() ? "screen" : "video";
    await this.#orUndo(
      () => this.#syncVideo(undefined),
      [
        this.#request("publish", this.#videoInfo()),
        host.uplink.call("muteVideo", { track: number, muted: this.#stream.tracks.isOff("video") }),
        host.uplink.call(
          "addVideo",
          { track: number, kind, source: open.source, settings },
          open.transfer,
        ),
      ],
    );
  }

  /**
   * What was refused is not sent either. If it failed because the session is gone, the next one is
   * told of it.
   */
  async #orUndo(undo: () => Promise<void>, requests: readonly Promise<unknown>[]): Promise<void> {
    const begun = this.#context.session();
    try {
      await settled(requests);
    } catch (thrown) {
      if (this.#isSession(begun)) await undo().catch(() => undefined);
      throw thrown;
    }
  }

  /** Whether the session in which something was begun is still there. */
  #isSession(begun: number | undefined): boolean {
    return begun !== undefined && begun === this.#context.session();
  }

  async #tellAudioOff(): Promise<void> {
    const muted = this.#stream.tracks.isOff("audio");
    await settled([
      this.#context.host.uplink.call("muteAudio", { muted }),
      this.#request("update-track", this.#audioInfo()),
    ]);
  }

  async #tellVideoOff(): Promise<void> {
    const muted = this.#stream.tracks.isOff("video");
    await settled([
      this.#context.host.uplink.call("muteVideo", { track: this.videoTrackNumber, muted }),
      this.#request("update-track", this.#videoInfo()),
    ]);
  }

  #settings(): VideoSettings {
    const { profile, smallProfile: small, contentHint } = this.#stream;
    const { width, height, frameRate, bitrate } = profile;
    const { encodable, preferredCodecs } = this.#context;
    const sharp = contentHint === "detail" || contentHint === "text";
    const codec = chooseCodec({
      encodable,
      peers: this.#context.peerCodecs(),
      width,
      height,
      sharp,
      preferred: preferredCodecs,
    });
    if (codec === undefined)
      throw new RtcError(
        "NO_COMMON_CODEC",
        "no video codec that everybody in the room decodes can be encoded here",
      );
    this.#codec = codec;
    return {
      codec,
      maxWidth: width,
      maxHeight: height,
      frameRate,
      maxBitrate: bitrate * 1000,
      small:
        small === undefined
          ? undefined
          : {
              maxWidth: small.width,
              maxHeight: small.height,
              frameRate: small.frameRate,
              maxBitrate: small.bitrate * 1000,
            },
      contentHint,
    };
  }

  #audioInfo(): Track {
    return {
      number: AUDIO_TRACK,
      kind: "audio",
      codec: "opus",
      stream: "main",
      muted: this.#stream.tracks.isOff("audio"),
      width: 0,
      height: 0,
    };
  }

  #videoInfo(): Track {
    const screen = this.#stream.isScreen();
    return {
      number: this.videoTrackNumber,
      kind: screen ? "screen" : "video",
      stream: screen ? "auxiliary" : "main",
      muted: this.#stream.tracks.isOff("video"),
      ...this.#size,
    };
  }

  #request(kind: "publish" | "update-track", track: Track): Promise<undefined> {
    return this.#context.host.uplink.call("request", { kind, track });
  }

  #run(change: () => Promise<unknown>): Promise<void> {
    const result = this.#queue.then(change).then(() => undefined);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

/**
 * Waits for all before it rejects with what the first one that failed did: what is still under way
 * cannot be undone.
 */
async function settled(requests: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(requests))
    if (result.status === "rejected") throw result.reason;
}
