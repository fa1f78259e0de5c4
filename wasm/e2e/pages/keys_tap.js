// @ts-nocheck It puts itself in the place of parts of the browser, which their types do not foresee.
// Put before the workers' own code by the test of group keys: learns the keys of each epoch where
// they cross from worker to worker, and answers with a copy of Wasm memory when asked. So the test
// knows the secrets without a door in the product.
{
  const channel = new BroadcastChannel("keys-tap");
  /** @type {WebAssembly.Memory | undefined} */
  let memory;
  const messages = [];

  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = async (...args) => {
    const result = await instantiate(...args);
    memory = (result.instance ?? result).exports.memory;
    return result;
  };

  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = function (message, ...rest) {
    if (message instanceof Uint8Array) messages.push(message.slice());
    return postMessage.call(this, message, ...rest);
  };

  channel.onmessage = ({ data }) => {
    if (data.worker !== globalThis.name) return;
    if (data.ask === "messages") channel.postMessage({ from: globalThis.name, messages });
    if (data.ask === "memory")
      channel.postMessage({ from: globalThis.name, memory: memory?.buffer.slice(0) });
  };
}
