// This browser's camera, sent as JPEG: the next picture when the server has taken the one before.
import { address } from "/link.js";

const QUALITY = 0.8;
const BUSY = 1013;

export class Camera {
  // tell(word): what happens, by its name in words.js; "" when all is well. running(on).
  constructor(tell, running) {
    this.tell = tell;
    this.running = running;
    this.stream = null;
  }

  async toggle() {
    if (this.stream) return this.stop();
    if (!window.isSecureContext || !navigator.mediaDevices) return this.tell("cameraInsecure");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
      });
    } catch {
      return this.tell("cameraRefused");
    }
    this.video = Object.assign(document.createElement("video"), { muted: true, playsInline: true });
    this.video.srcObject = this.stream;
    await this.video.play();
    this.canvas = document.createElement("canvas");
    this.socket = new WebSocket(address("/camera"));
    this.socket.onmessage = () => this.send();
    this.socket.onclose = ({ code }) => {
      this.stop();
      if (code === BUSY) this.tell("cameraBusy");
    };
    this.tell("");
    this.running(true);
  }

  // The next picture of the camera, once there is one: not the same one twice.
  send() {
    const now = () => {
      if (!this.stream) return;
      this.canvas.width = this.video.videoWidth;
      this.canvas.height = this.video.videoHeight;
      this.canvas.getContext("2d").drawImage(this.video, 0, 0);
      this.canvas.toBlob((blob) => blob && this.stream && this.socket.send(blob), "image/jpeg", QUALITY);
    };
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(now);
    else requestAnimationFrame(now);
  }

  stop() {
    if (!this.stream) return;
    for (const track of this.stream.getTracks()) track.stop();
    this.stream = null;
    this.socket.close();
    this.running(false);
  }
}
