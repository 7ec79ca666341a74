// The two WebSockets of a session. They reconnect and request the messages that they missed. No DOM here.

const RETRY_DELAYS_MS = [250, 500, 1000, 2000, 4000]; // the last one repeats
const FRAME_HEADER_BYTES = 32;

/**
 * Follow the messages of a session, in order. After a break, the server resumes after the last message received.
 * `onMessage` gets the parsed message; a `hello` also gets `sameRun`: true if it only follows a reconnection.
 * `onLost` is called at each loss of the connection. Returns a function that closes the connection.
 */
export function followEvents(session, onMessage, onLost) {
  let lastSeq = null;
  let run = null;
  const path = () => `v1/sessions/${session}/events${lastSeq === null ? "" : `?after=${lastSeq}`}`;
  const onData = (text) => {
    const message = JSON.parse(text);
    if (message.type === "hello") {
      message.sameRun = message.run === run; // a new run of the session begins at 1 again
      run = message.run;
    }
    lastSeq = message.seq;
    onMessage(message);
  };
  return reconnecting(path, { onData, onLost });
}

/** Follow the frames of the traces. Returns a function that closes the connection. */
export function followSignal(session, onFrame) {
  return reconnecting(() => `v1/sessions/${session}/signal`, {
    binary: true,
    onLost: () => {},
    onData: (buffer) => onFrame(parseFrame(buffer)),
  });
}

/** A frame: 32 bytes of header (docs/protocol.md), then float32 in microvolts, one row of channels for each sample. */
function parseFrame(buffer) {
  const header = new DataView(buffer);
  return {
    tFirst: header.getFloat64(0, true),
    sfreq: header.getFloat64(8, true),
    nTimes: header.getUint32(20, true),
    nChannels: header.getUint32(24, true),
    samples: new Float32Array(buffer, FRAME_HEADER_BYTES),
  };
}

/** Keep a WebSocket open until the returned function is called. `path()` is called before each connection. */
function reconnecting(path, { onData, onLost, binary = false }) {
  let socket, timer;
  let failures = 0;
  let stopped = false;
  const open = () => {
    socket = new WebSocket(socketUrl(path()));
    if (binary) socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => {
      failures = 0;
      onData(event.data);
    };
    socket.onclose = () => {
      if (stopped) return;
      onLost();
      timer = setTimeout(open, RETRY_DELAYS_MS[Math.min(failures, RETRY_DELAYS_MS.length - 1)]);
      failures += 1;
    };
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket.close();
  };
}

function socketUrl(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}
