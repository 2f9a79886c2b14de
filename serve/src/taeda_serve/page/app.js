// The page: choose, drop, paste or draw an image; show the classes that the server answers with.

import { startDrawing } from "./draw.js";

const $ = (id) => document.getElementById(id);
const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const TOP = 5;

let models = new Map();
let lastBlob = null;
let sent = 0;

async function fetchJson(path) {
  const response = await fetch(path, { cache: "no-store" });
  const value = await response.json();
  if (!response.ok) throw new Error(value.error ?? `${response.status}`);
  return value;
}

async function loadModels() {
  const list = await fetchJson("/models");
  const described = await Promise.all(
    list.models.map((model) => fetchJson(`/models/${encodeURIComponent(model.modelName)}`)),
  );
  models = new Map(described.map((versions) => [versions.at(-1).modelName, versions.at(-1)]));
  $("model").replaceChildren(...[...models.keys()].map((name) => new Option(name, name)));
  showModel();
}

function showModel() {
  const model = models.get($("model").value);
  if (!model) {
    $("about").textContent = "No model is served; register one with POST /models.";
    return;
  }
  const facts = model.provenance ?? {};
  const classes = model.labels ? `${model.labels.length} classes` : "no labels";
  const accuracy = typeof facts.accuracy === "number" ? `, ${(100 * facts.accuracy).toFixed(1)} % test accuracy` : "";
  $("about").textContent = `Version ${model.modelVersion}, ${model.architecture.reference}, ${classes}${accuracy}`;
  const rows = [
    ["Input", model.inputs.map((spec) => `${spec.name}: ${spec.datatype} [${spec.shape.join(", ")}]`).join("; ")],
    ["Output", model.outputs.map((spec) => `${spec.name}: ${spec.datatype} [${spec.shape.join(", ")}]`).join("; ")],
    ["Preprocessing", model.preprocessing.map((step) => step.name + argumentText(step.args)).join(" → ") || "none"],
    ["Labels", model.labels ? model.labels.join(", ") : "none"],
    ["Batching", `up to ${model.batchSize} rows, ${model.maxBatchDelay} ms; ${model.workers.length} worker${model.workers.length === 1 ? "" : "s"}`],
    ...Object.entries(facts).map(([name, value]) => [name, String(value)]),
  ];
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  const takesImages = model.preprocessing.length > 0;
  $("file").disabled = !takesImages;
  if (!takesImages) showError("This model takes tensors, not images: POST them to /v2/models/…/infer, see API.");
  else if (lastBlob) send(lastBlob);
}

function argumentText(args) {
  const entries = Object.entries(args);
  return entries.length ? `(${entries.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")})` : "";
}

function element(tag, text, className) {
  const node = document.createElement(tag);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

async function send(blob) {
  const name = $("model").value;
  if (!name || !models.get(name)?.preprocessing.length) return;
  lastBlob = blob;
  const number = ++sent;
  document.body.classList.add("busy");
  const begun = performance.now();
  try {
    const response = await fetch(`/predictions/${encodeURIComponent(name)}?top=${TOP}`, {
      method: "POST",
      body: blob,
      headers: { "Content-Type": blob.type || "application/octet-stream" },
    });
    const answer = await response.json();
    const seconds = performance.now() - begun;
    if (number !== sent) return;
    if (!response.ok) showError(answer.error);
    else showAnswer(name, answer, seconds, response.headers.get("Server-Timing") ?? "");
  } catch (error) {
    if (number === sent) showError(`The server cannot be reached: ${error.message}`);
  } finally {
    if (number === sent) document.body.classList.remove("busy");
  }
}

function showError(text) {
  $("placeholder").hidden = true;
  $("bars").replaceChildren();
  $("timing").hidden = true;
  $("command").hidden = true;
  $("error").textContent = text;
  $("error").hidden = false;
}

function showAnswer(name, answer, seconds, timing) {
  $("placeholder").hidden = true;
  $("error").hidden = true;
  const classes = Object.entries(answer)
    .filter(([, value]) => typeof value === "number")
    .sort((a, b) => b[1] - a[1]);
  $("bars").replaceChildren(...classes.map(([label, probability]) => bar(label, probability)));
  const phases = new Map(
    [...timing.matchAll(/(\w+);(?:dur=([\d.]+)|desc="(\d+)")/g)].map(([, key, dur, desc]) => [key, dur ?? desc]),
  );
  const entries = [["Round trip", ms(seconds)]];
  if (phases.has("inference")) {
    entries.push(["Queue", ms(Number(phases.get("queue")))]);
    entries.push(["Preprocessing", ms(Number(phases.get("preprocess")))]);
    entries.push(["Model", ms(Number(phases.get("inference")))]);
    entries.push(["Batch", phases.get("batch")]);
  }
  $("timing").replaceChildren(
    ...entries.map(([key, value]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", key), element("dd", value));
      return pair;
    }),
  );
  $("timing").hidden = false;
  $("curl").textContent = `curl --data-binary @image.png ${location.origin}/predictions/${encodeURIComponent(name)}`;
  $("command").hidden = false;
}

function bar(label, probability) {
  const row = document.createElement("li");
  const percent = 100 * probability;
  const text = percent >= 0.1 || percent === 0 ? `${percent.toFixed(1)} %` : "< 0.1 %";
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("aria-hidden", "true");
  const filled = document.createElementNS(space, "rect");
  filled.setAttribute("width", `${Math.max(0.4, percent)}%`);
  filled.setAttribute("height", "100%");
  picture.append(filled);
  row.append(element("span", label, "name"), element("span", text, "value"), picture);
  return row;
}

function takeFile(file) {
  if (!file) return;
  select("image");
  const preview = $("preview");
  if (preview.src) URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  preview.onload = () => {
    preview.classList.toggle("tiny", preview.naturalWidth < 100);
    preview.hidden = false;
    $("invite").hidden = true;
  };
  preview.onerror = () => {
    preview.hidden = true;
    $("invite").hidden = false;
  };
  $("fileinfo").textContent = `${file.name || "pasted image"}, ${(file.size / 1024).toFixed(1)} KiB`;
  send(file);
}

function select(which) {
  for (const name of ["image", "draw"]) {
    const chosen = name === which;
    $(`tab-${name}`).setAttribute("aria-selected", String(chosen));
    $(`tab-${name}`).tabIndex = chosen ? 0 : -1;
    $(`pane-${name}`).hidden = !chosen;
  }
}

async function watchHealth() {
  const health = $("health");
  try {
    const response = await fetch("/v2/health/ready", { cache: "no-store" });
    health.className = response.ok ? "health up" : "health down";
    health.textContent = response.ok ? "ready" : "not ready";
  } catch {
    health.className = "health down";
    health.textContent = "offline";
  }
  setTimeout(watchHealth, 5000);
}

$("model").addEventListener("change", showModel);
$("file").addEventListener("change", () => takeFile($("file").files[0]));
for (const name of ["image", "draw"]) {
  $(`tab-${name}`).addEventListener("click", () => select(name));
  $(`tab-${name}`).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = name === "image" ? "draw" : "image";
    select(other);
    $(`tab-${other}`).focus();
  });
}
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  takeFile(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
  if (file) takeFile(file);
});
startDrawing($("canvas"), { pen: $("pen"), clear: $("clear"), invert: $("invert") }, (blob) => {
  $("fileinfo").textContent = `drawing, ${(blob.size / 1024).toFixed(1)} KiB`;
  send(blob);
});
loadModels().catch((error) => showError(`The models cannot be listed: ${error.message}`));
watchHealth();
