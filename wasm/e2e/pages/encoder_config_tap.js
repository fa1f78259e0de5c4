// Put before the uplink worker's own code: tells on a BroadcastChannel what each of the browser's
// video encoders is configured with.
{
  const channel = new BroadcastChannel("encoder-configs");
  const { configure } = VideoEncoder.prototype;
  VideoEncoder.prototype.configure = function (config) {
    channel.postMessage(config);
    return configure.call(this, config);
  };
}
