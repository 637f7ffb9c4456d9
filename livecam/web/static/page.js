import { Camera } from "/camera.js";
import { Link } from "/link.js";
import { Timeline } from "/timeline.js";
import { preferred, words } from "/words.js";

const $ = (id) => document.getElementById(id);
const picture = $("picture");
const pen = picture.getContext("2d");
const timeline = new Timeline($("strip"));
const ROWS = 5;
const STALE_MS = 1000;
const SPOT_MS = 80; // how often a moving pointer asks
const SAID_MS = 1500; // how often the headline may change: it is read aloud

// ---- words

let language = preferred();
const word = (name) => words[language][name] ?? name;

function translate() {
  document.documentElement.lang = language;
  for (const one of document.querySelectorAll("[data-word]")) one.textContent = word(one.dataset.word);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", word(one.dataset.label));
  $("language").textContent = word("other");
  $("language").lang = word("otherLang");
  for (const one of document.querySelectorAll("#bars .why")) one.textContent = word("why");
  writeKeys();
  showState();
  tell(notice);
}

function writeKeys() {
  const rows = [...document.querySelectorAll("[aria-keyshortcuts]")]
    .map((one) => [one.getAttribute("aria-keyshortcuts"), word(one.dataset.word ?? one.dataset.label)]);
  rows.push(["1 … 5", word("explain")]);
  $("keys").replaceChildren(...rows.flatMap(([key, text]) => [element("dt", key), element("dd", text)]));
}

function element(name, text = "", className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

$("language").onclick = () => {
  language = word("otherLang");
  translate();
};

// ---- what the server says

let connected = false;
let drawn = 0; // when the last picture was drawn, page's clock
let latest = null;
let view = { paused: false, mirror: false, against: null };
let run = { camera: false, wall: false, alarm: "" };
let notice = "waiting";
let latency = null;
const times = [];

function tell(name) {
  notice = name;
  $("notice").textContent = name ? word(name) : run.alarm;
}

const link = new Link({
  picture(message, bitmap) {
    if (picture.width !== bitmap.width || picture.height !== bitmap.height) {
      picture.width = bitmap.width;
      picture.height = bitmap.height;
      $("frame").style.setProperty("--aspect", bitmap.width / bitmap.height);
    }
    pen.drawImage(bitmap, 0, 0);
    drawn = performance.now();
    times.push(drawn);
    while (times.length && times[0] < drawn - 2000) times.shift();
    const age = link.age(message);
    if (age !== null) latency = latency === null || Math.abs(age - latency) > 500 ? age : latency + (age - latency) * 0.1;
    if (["waiting", "reconnecting", "startCamera"].includes(notice)) tell("");
    write(message);
    latest = message;
  },
  words(said) {
    if (said.run) {
      run = said.run;
      $("camera").hidden = !run.camera;
      $("next").hidden = $("all").hidden = !run.wall;
      if (run.camera && !latest && notice === "waiting") tell("startCamera");
      else tell(notice);
    }
    if (said.view) {
      view = said.view;
      for (const one of document.querySelectorAll("[data-shows]")) {
        const value = view[one.dataset.shows];
        one.setAttribute("aria-pressed", String(value !== null && value !== false));
      }
    }
    if (said.refused) {
      $("notice").textContent = said.refused;
      setTimeout(() => tell(notice), 4000);
    }
  },
  state(open) {
    connected = open;
    if (!open) tell("reconnecting");
    else if (notice === "reconnecting") tell(latest ? "" : "waiting");
    showState();
  },
});

function showState() {
  const stale = drawn && performance.now() - drawn > STALE_MS;
  const state = !connected ? (latest ? "lost" : "connecting") : !latest ? "connecting" : stale ? "stale" : "live";
  $("status").dataset.state = state;
  $("state").textContent = word(state === "live" && view.paused ? "paused" : state);
  const rate = times.length > 1 ? ((times.length - 1) * 1000) / (times.at(-1) - times[0]) : 0;
  $("figures").textContent =
    state === "live" ? [`${rate.toFixed(0)} fps`, latency === null ? "" : `${Math.max(latency, 0).toFixed(0)} ms`].filter(Boolean).join(" · ") : "";
}

setInterval(() => {
  showState();
  timeline.draw();
}, 500);

// ---- what the network says

const rows = Array.from({ length: ROWS }, (_, n) => {
  const row = element("li");
  const button = element("button", "", "class");
  const why = element("button", "", "why");
  const [name, score, bar] = [element("span", "", "name"), element("span", "", "score"), element("span", "", "bar")];
  const fill = bar.appendChild(document.createElement("i"));
  button.type = why.type = "button";
  button.append(name, score, bar);
  row.append(button, why);
  row.hidden = true;
  const one = { row, button, why, name, score, fill, class_idx: null };
  button.onclick = () => act("explain", n + 1);
  why.onclick = () => act("contrast", view.against === one.class_idx ? "off" : one.class_idx);
  return one;
});
$("bars").append(...rows.map((one) => one.row));

let headline = "";
let saidAt = -Infinity;

function write({ said }) {
  const explained = said.class_idx;
  rows.forEach((one, n) => {
    const seen = said.top[n];
    one.row.hidden = !seen;
    if (!seen) return;
    const current = seen.class_idx === explained;
    one.class_idx = seen.class_idx;
    put(one.name, seen.label);
    put(one.score, percent(seen.score));
    one.fill.style.transform = `scaleX(${seen.score})`;
    one.row.setAttribute("aria-current", String(current));
    one.why.classList.toggle("none", current);
    one.why.setAttribute("aria-pressed", String(view.against === seen.class_idx));
    one.why.setAttribute("aria-label", `${word("why")} ${seen.label}`);
  });
  const against = said.against;
  $("against").hidden = !against;
  if (against) put($("against"), `${word("against")} ${against.label}`);
  showVotes(said.votes ?? []);
  showCheck(said.faithfulness);
  if (said.label === null) return;
  const score = said.top.find((one) => one.class_idx === explained)?.score ?? 0;
  timeline.add(said.label, score);
  if (said.label !== headline && performance.now() - saidAt > SAID_MS) {
    headline = said.label;
    saidAt = performance.now();
    put($("label"), headline);
  }
}

// Once shown it stays, so that what is below it does not jump.
function showCheck(found) {
  if (found) $("check").hidden = false;
  const [hot, cold] = found ? [found.after, found.control].map((after) => `${percent(found.before)} → ${percent(after)}`) : ["–", "–"];
  put($("hot-hidden"), hot);
  put($("cold-hidden"), cold);
}

function put(one, text) {
  if (one.textContent !== text) one.textContent = text;
}

function percent(score) {
  return score > 0 && score < 0.005 ? "<1%" : `${Math.round(score * 100)}%`;
}

// ---- a spot of the picture

let spot = null; // fractions of the canvas
let askedAt = 0;

function ask(x, y) {
  spot = [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)];
  $("spot").style.left = `${spot[0] * 100}%`;
  $("spot").style.top = `${spot[1] * 100}%`;
  $("spot").hidden = Boolean(document.fullscreenElement);
  if (performance.now() - askedAt < SPOT_MS) return;
  askedAt = performance.now();
  act("spot", [view.mirror ? 1 - spot[0] : spot[0], spot[1]]);
}

function forget() {
  if (!spot) return;
  spot = null;
  $("spot").hidden = $("votes").hidden = true;
  act("spot", "off");
}

function showVotes(votes) {
  $("votes").hidden = !spot || !votes.length;
  if (!votes.length) return;
  const list = votes.map((one) => {
    const row = element("li");
    row.append(element("span", one.label), element("span", (one.contribution > 0 ? "+" : "") + one.contribution.toFixed(2)));
    return row;
  });
  $("votes").querySelector("ol").replaceChildren(...list);
}

function pointed(event) {
  const box = picture.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  if (!(run.wall && view.enlarged === null)) ask(x, y);
  else if (event.type === "pointerdown") act("enlarge", [x, y].map((one) => Math.min(Math.max(one, 0), 1)));
}

picture.onpointermove = (event) => event.pointerType !== "touch" && pointed(event);
picture.onpointerleave = (event) => event.pointerType !== "touch" && forget();
picture.onpointerdown = (event) => {
  if (event.pointerType === "touch" && spot) forget();
  else if (event.pointerType === "touch" || (run.wall && view.enlarged === null)) pointed(event);
};
picture.onblur = forget;
picture.onkeydown = (event) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === "Escape") forget();
  if (!step) return;
  event.preventDefault();
  const [x, y] = spot ?? [0.5, 0.5];
  ask(x + step[0] * 0.05, y + step[1] * 0.05);
};

// ---- controls

function act(name, value = null) {
  link.say({ act: name, value });
}

function valueOf(button) {
  return button.dataset.value ?? null;
}

for (const one of document.querySelectorAll("[data-act]")) one.onclick = () => act(one.dataset.act, valueOf(one));

const byKey = Object.fromEntries(
  [...document.querySelectorAll("[aria-keyshortcuts]")].map((one) => [one.getAttribute("aria-keyshortcuts"), one]),
);
byKey["+"] = byKey["="];
byKey["?"] = byKey.h;
const onButton = (target) => target instanceof HTMLButtonElement;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || $("help").open) return;
  if (event.key === " " && onButton(event.target)) return;
  const key = event.key === " " ? "p" : event.key;
  if (/^[1-5]$/.test(key)) act("explain", Number(key));
  else if (byKey[key]) byKey[key].click();
  else return;
  event.preventDefault();
});

$("fullscreen").hidden = !document.fullscreenEnabled;
$("fullscreen").onclick = () => (document.fullscreenElement ? document.exitFullscreen() : $("frame").requestFullscreen());
picture.ondblclick = () => $("fullscreen").click();
$("open-help").onclick = () => $("help").showModal();
$("close-help").onclick = () => $("help").close();

const camera = new Camera(tell, (on) => {
  $("camera").dataset.word = on ? "cameraStop" : "camera";
  $("camera").setAttribute("aria-pressed", String(on));
  translate();
});
$("camera").onclick = () => camera.toggle();

translate();
