import { RtcError, fromPlainError, toPlainError } from "../errors.ts";
import type { ArgumentOf, ReplyMessage, ResultOf } from "./worker_protocol.ts";

/** What both ends of a call need of a `Worker`, a `MessagePort` or the worker's own scope. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
}

/** The caller's end: each call gets its reply, everything else is a notice. */
export class Caller<Calls, Notice> {
  readonly #port: Port;
  readonly #waiting = new Map<
    number,
    { resolve: (result: never) => void; reject: (error: RtcError) => void }
  >();
  #nextId = 1;
  #closed: RtcError | undefined;

  constructor(port: Port, onNotice: (notice: Notice) => void) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      const message = data as ReplyMessage | { notice: Notice };
      if ("notice" in message) {
        onNotice(message.notice);
        return;
      }
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ("error" in message) waiting?.reject(fromPlainError(message.error));
      else waiting?.resolve(message.result as never);
    };
  }

  call<Name extends keyof Calls & string>(
    name: Name,
    argument: ArgumentOf<Calls, Name>,
    transfer: Transferable[] = [],
  ): Promise<ResultOf<Calls, Name>> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#port.postMessage({ id, name, argument }, transfer);
    });
  }

  /** Rejects what is waiting and all later calls. */
  close(error: RtcError): void {
    this.#closed = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** One function for each call. */
export type Handlers<Calls> = {
  [Name in keyof Calls]: (
    argument: ArgumentOf<Calls, Name>,
  ) => ResultOf<Calls, Name> | Promise<ResultOf<Calls, Name>>;
};

/** The answering end. Returns the function that sends notices. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it types what the caller gets
export function serve<Calls, Notice>(
  port: Port,
  handlers: Handlers<Calls>,
): (notice: Notice, transfer?: Transferable[]) => void {
  port.onmessage = ({ data }) => {
    const { id, name, argument } = data as { id: number; name: keyof Calls; argument: never };
    void answer(id, async () => handlers[name](argument));
  };
  async function answer(id: number, run: () => Promise<unknown>): Promise<void> {
    let reply: ReplyMessage;
    try {
      reply = { id, result: await run() };
    } catch (thrown) {
      reply = { id, error: toPlainError(thrown) };
    }
    port.postMessage(reply, []);
  }
  return (notice, transfer = []) => port.postMessage({ notice }, transfer);
}
