// The two WebSockets of a session. Reconnects by itself and asks for what it missed; knows nothing of the page.

const PATIENCE_MS = [250, 500, 1000, 2000, 4000];

function address(path) {
  const url = new URL(path, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** Keep a WebSocket open until the returned function is called; `path()` is asked anew each time. */
function keepOpen(path, { message, lost, binary = false }) {
  let socket, timer, failures = 0, ended = false;
  const open = () => {
    socket = new WebSocket(address(path()));
    if (binary) socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => { failures = 0; message(event.data); };
    socket.onclose = () => {
      if (ended) return;
      lost();
      timer = setTimeout(open, PATIENCE_MS[Math.min(failures++, PATIENCE_MS.length - 1)]);
    };
  };
  open();
  return () => { ended = true; clearTimeout(timer); socket.close(); };
}

/** Messages of a session, in order; after a break they go on where they stopped while the server still has them. */
export function listen(session, message, lost) {
  let seen = null, run = null;
  return keepOpen(() => `v1/sessions/${session}/events${seen === null ? "" : `?after=${seen}`}`, {
    lost,
    message: (text) => {
      const said = JSON.parse(text);
      // Another run of the session counts from 1 again: what was seen before means nothing there.
      if (said.type === "hello") { said.again = said.run === run; run = said.run; }
      seen = said.seq;
      message(said);
    },
  });
}

/** Frames of the traces: header of 32 bytes (see docs/protocol.md), then float32, one row of channels per sample. */
export function watch(session, frame) {
  return keepOpen(() => `v1/sessions/${session}/signal`, {
    binary: true,
    lost: () => {},
    message: (buffer) => {
      const head = new DataView(buffer);
      frame({
        tFirst: head.getFloat64(0, true),
        sfreq: head.getFloat64(8, true),
        nTimes: head.getUint32(20, true),
        nChannels: head.getUint32(24, true),
        samples: new Float32Array(buffer, 32),
      });
    },
  });
}
