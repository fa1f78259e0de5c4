/** What an engine has to send, read where it lies in Wasm memory. */

/** Either engine. */
export interface DatagramSource {
  nextDatagram(): number;
  datagramAddress(): number;
}

/** A view that holds until the engine is called again. */
export function nextDatagram(
  engine: DatagramSource,
  memory: WebAssembly.Memory,
): Uint8Array<ArrayBuffer> | undefined {
  const length = engine.nextDatagram();
  return length === 0 ? undefined : new Uint8Array(memory.buffer, engine.datagramAddress(), length);
}
