// The WebSocket to the server: pictures in, words both ways. The layout of a picture's message: livecam/web/message.py.
const MAGIC = 0x3143564c; // "LVC1", little-endian
const LONGEST_WAIT_MS = 8000;
const PING_MS = 2000;

export function address(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export function unpack(buffer) {
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new Error("not a picture");
  const length = view.getUint32(4, true);
  return {
    number: view.getUint32(8, true),
    index: view.getUint32(12, true),
    captured: view.getFloat64(16, true),
    said: JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 24, length))),
    jpeg: new Blob([new Uint8Array(buffer, 24 + length)], { type: "image/jpeg" }),
  };
}

export class Link {
  // on: { picture(message, bitmap), words(object), state(connected) }
  constructor(on) {
    this.on = on;
    this.wait = 500;
    this.shortest = Infinity;
    this.offset = null; // server's clock minus this page's, seconds
    this.open();
    setInterval(() => this.ping(), PING_MS);
  }

  open() {
    this.socket = new WebSocket(address("/live"));
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.wait = 500;
      this.shortest = Infinity;
      this.on.state(true);
      this.ping();
    };
    this.socket.onclose = () => {
      this.on.state(false);
      setTimeout(() => this.open(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    };
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.hear(JSON.parse(data)) : this.draw(data));
  }

  say(words) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }

  ping() {
    this.say({ ping: performance.now() });
  }

  // The server's clock was read somewhere between asking and hearing: the shortest round trip knows it best.
  hear(words) {
    if (words.pong === undefined) return this.on.words(words);
    const now = performance.now();
    const trip = now - words.pong;
    if (trip <= this.shortest) {
      this.shortest = trip;
      this.offset = words.now - (words.pong + trip / 2) / 1000;
    }
  }

  async draw(data) {
    const message = unpack(data);
    try {
      const bitmap = await createImageBitmap(message.jpeg);
      this.on.picture(message, bitmap);
      bitmap.close();
    } finally {
      this.say({ ack: message.number });
    }
  }

  // Milliseconds since the picture of this message was captured.
  age(message) {
    return this.offset === null ? null : (performance.now() / 1000 + this.offset - message.captured) * 1000;
  }
}
