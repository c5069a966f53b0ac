// The workbench displays what the API returns. It knows nothing about AWS: reading, signing, explaining, diagnosing, sending and writing
// snippets are done by the API.

const $ = (id) => document.getElementById(id);
const state = {
  settings: {operations: [], examples: []}, key: "",
  read: null, // the API's reading of the paste, with its text
  source: null, request: null, signed: null, signing: "", // source is the reading from which the request was signed
  edits: 0, signedEdits: 0,
  cause: null, sent: null, sending: false,
};
const encoder = new TextEncoder();

// make builds an element. Strings become text, never markup.
function make(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attributes ?? {})) {
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (v !== undefined && v !== false) e.setAttribute(k, v === true ? "" : v);
  }
  e.append(...children.filter((c) => c !== undefined && c !== null));
  return e;
}
const show = (id, ...children) => $(id).replaceChildren(...children.filter((c) => c !== undefined && c !== null));
const toggle = (id, on) => { $(id).hidden = !on; };
const offers = (operation) => state.settings.operations.includes(operation);

// places converts between UTF-8 byte offsets and string indexes.
function places(text) {
  const bytes = encoder.encode(text).length;
  if (bytes === text.length) return {index: (b) => b, byte: (i) => i, length: bytes};
  const at = new Uint32Array(text.length + 1);
  for (let i = 0, b = 0; i < text.length;) {
    const size = text.codePointAt(i) > 0xffff ? 2 : 1, code = text.codePointAt(i);
    const width = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at[i] = b;
    if (size === 2) at[i + 1] = b;
    i += size;
    b += width;
    at[i] = b;
  }
  const index = (b) => {
    let low = 0, high = text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < b) low = middle + 1; else high = middle;
    }
    return low;
  };
  return {index, byte: (i) => at[Math.min(i, text.length)], length: bytes};
}

// The API.

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The server responded with ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

async function ask(path, document) {
  const headers = document === undefined ? {} : {"Content-Type": "application/json"};
  if (state.key) headers["X-API-Key"] = state.key;
  const response = await fetch("v1/" + path, {
    method: document === undefined ? "GET" : "POST", headers, body: document === undefined ? undefined : JSON.stringify(document),
    credentials: state.key ? "omit" : "same-origin", redirect: "manual", cache: "no-store",
  }).catch(() => { throw new Refused(0, {detail: "The service cannot be reached. Is it running?"}); });
  if (response.type === "opaqueredirect") throw new Refused(401, {login: true, detail: "You must sign in first."});
  let body = {};
  try { body = await response.json(); } catch { /* a proxy's own page */ }
  if (!response.ok) throw new Refused(response.status, body);
  return body;
}

// problem shows an API error with the API's own texts.
function problem(where, error) {
  const p = error.problem ?? {};
  if (error.status === 401) toggle("access", true);
  const title = error.status === 403 && where === "sent" ? "Your key may not send." : p.title;
  const parts = [make("p", {class: "bad"}, title ? make("strong", {}, title + " ") : "", error.message, p.hint ? " " + p.hint : "")];
  if (p.login) parts.push(make("p", {}, make("a", {href: ".auth/login/aad?post_login_redirect_uri=/workbench"}, "Sign in")));
  for (const e of p.errors ?? []) {
    parts.push(make("p", {}, make("code", {}, e.pointer), " ", e.detail, " ", markIt(e.pointer)));
  }
  show(where, ...parts);
}

function marker(ranges) {
  const mark = () => {
    markSource(ranges());
    scrollToMark();
  };
  return make("button", {type: "button", class: "small", onclick: mark}, "Mark it");
}

function markIt(pointer) {
  if (!pointer || !rangesOf(pointer).length) return "";
  return marker(() => rangesOf(pointer));
}

// Access.

async function enter() {
  state.key = state.key || state.settings.key || "";
  try {
    const {profiles} = await ask("profiles");
    show("profile", ...profiles.map((p) => make("option", {value: p.name, selected: p.default}, p.title)));
    toggle("access", Boolean(state.key) && !state.settings.key);
    show("state", "");
  } catch (error) {
    const wantsKey = error.status === 401 && !error.problem.login;
    toggle("access", wantsKey);
    if (wantsKey && !state.key) show("state", "This service requires a key. The key stays in this page's memory.");
    else problem("state", error);
  }
}

function useKey(event) {
  event.preventDefault();
  state.key = $("key").value.trim();
  $("key").value = "";
  if ($("keep").checked) sessionStorage.setItem("countersign-key", state.key);
  enter();
}

function forgetKey() {
  state.key = "";
  sessionStorage.removeItem("countersign-key");
  show("state", "The key has been forgotten.");
  enter();
}

// Reading what was pasted.

let reading = 0;

async function readPaste(choice = 0) {
  const text = $("paste").value;
  const turn = ++reading;
  state.read = null;
  if (!text.trim()) {
    show("read", "");
    show("problem", "");
    toggle("placeholders", false);
    toggle("choices", false);
    return;
  }
  try {
    const read = await ask("read", {text: text.toWellFormed?.() ?? text, choice});
    if (turn !== reading) return;
    state.read = {...read, text};
    show("problem", "");
    drawRead(state.read, choice);
  } catch (error) {
    if (turn === reading) problem("read", error);
  }
}

const kinds = {
  "curl-bash": "curl", "curl-cmd": "curl for Windows", "curl-powershell": "curl in PowerShell", "curl-trace": "what curl -v shows",
  powershell: "PowerShell", http: "raw HTTP", fetch: "fetch()", axios: "axios", postman: "Postman", har: "a HAR file",
  "logic-apps": "a workflow action", n8n: "an n8n node", countersign: "a Countersign document",
  url: "a URL", json: "a JSON document", signing: "a canonical request or string to sign",
};

const counted = (n, name) => `${n} ${name}${n === 1 ? "" : "s"}`;

function drawRead(read, choice) {
  const q = read.request, parts = [];
  if (q) {
    let body = "";
    if (q.body !== undefined) body = `, body of ${encoder.encode(q.body).length} bytes`;
    else if (q.bodyBase64 !== undefined) body = ", binary body";
    const headers = counted(q.headerList?.length ?? 0, "header");
    parts.push(make("p", {}, `Read as ${kinds[read.kind] ?? read.kind}: ${q.method || "no method"}, ${headers}${body}.`,
      read.signed ? " An old signature was left out." : "",
      read.secrets.length ? ` It contains ${counted(read.secrets.length, "secret")}.` : ""));
  } else {
    parts.push(make("p", {}, read.answered ? "This is a response, not a request." : "No request was found in this text."));
  }
  if (read.answered && offers("POST /v1/diagnose")) {
    const why = () => diagnose({paste: read.text});
    parts.push(make("p", {}, make("button", {type: "button", onclick: why}, "Explain why AWS refused it")));
  }
  for (const n of read.notes) {
    parts.push(make("p", {class: n.error ? "bad" : "quiet"}, `Line ${n.line}, column ${n.column}: ${n.message} `,
      n.end > n.start ? marker(() => [[n.start, n.end]]) : ""));
  }
  show("read", ...parts);
  toggle("choices", read.choices.length > 1);
  show("choice", ...read.choices.map((c) => make("option", {value: c.choice, selected: c.choice === choice}, `${c.method} ${c.url}`)));
  const known = new Map([...$("placeholders").querySelectorAll("input")].map((i) => [i.dataset.text, i.value]));
  const texts = [...new Set(read.placeholders.map((p) => p.text))];
  toggle("placeholders", texts.length > 0);
  show("placeholders", make("legend", {}, "Fill in these placeholders before signing"), ...texts.map((text) =>
    make("label", {}, make("code", {}, text), make("input", {"data-text": text, value: known.get(text) ?? "", spellcheck: "false"}))));
}

// filled returns the request that was read, with values in place of placeholders. It records what moved, so that positions still map to the
// paste.
function filled() {
  const q = structuredClone(state.read.request);
  state.moved = {};
  const values = new Map([...$("placeholders").querySelectorAll("input")].map((i) => [i.dataset.text, i.value]));
  const byPointer = Map.groupBy ? Map.groupBy(state.read.placeholders, (p) => p.pointer) : group(state.read.placeholders);
  for (const [pointer, list] of byPointer) {
    const value = at(q, pointer);
    if (typeof value !== "string") continue;
    const bytes = encoder.encode(value), parts = [], moved = [];
    let done = 0;
    for (const p of [...list].sort((a, b) => a.valueStart - b.valueStart)) {
      if (p.valueStart < done) continue;
      const fill = encoder.encode(values.get(p.text) ?? "");
      parts.push(bytes.subarray(done, p.valueStart), fill);
      moved.push([p.valueStart, p.valueEnd, fill.length]);
      done = p.valueEnd;
    }
    parts.push(bytes.subarray(done));
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((n, p) => (out.set(p, n), n + p.length), 0);
    set(q, pointer, new TextDecoder().decode(out));
    state.moved[pointer] = moved;
  }
  return q;
}

function group(list) {
  const groups = new Map();
  for (const p of list) groups.set(p.pointer, [...(groups.get(p.pointer) ?? []), p]);
  return groups;
}

const tokens = (pointer) => pointer.split("/").slice(1).map((t) => t.replaceAll("~1", "/").replaceAll("~0", "~"));
const at = (value, pointer) => tokens(pointer).reduce((v, t) => v?.[t], value);
function set(value, pointer, to) {
  const path = tokens(pointer), last = path.pop();
  path.reduce((v, t) => v[t], value)[last] = to;
}

// asked returns the document to sign.
async function asked() {
  const q = filled();
  for (const id of ["service", "region"]) if ($(id).value.trim()) q[id] = $(id).value.trim();
  if ($("method").value.trim()) q.method = $("method").value.trim();
  if ($("profile").value) q.profile = $("profile").value;
  if ($("all-headers").checked) q.signAllHeaders = true;
  const names = $("signed-headers").value.split(/[\s,]+/).filter(Boolean);
  if (names.length) q.signedHeaders = names;
  if ($("line-ends").value === "crlf" && q.body !== undefined) q.body = q.body.replace(/\r?\n/g, "\r\n");
  const [file] = $("file").files;
  if (file) {
    delete q.body;
    q.bodyBase64 = base64(new Uint8Array(await file.arrayBuffer()));
  }
  return q;
}

function base64(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

// Signing.

let signings = 0;

async function sign() {
  const turn = ++signings;
  await readNow();
  if (!state.read?.request) {
    show("problem", make("p", {class: "bad"}, "There is no request to sign yet. Paste one above."));
    $("paste").focus();
    return;
  }
  try {
    const source = state.read, signedEdits = state.edits, request = await asked(), signing = $("place").value;
    const document = {...request, explain: true, bodyForm: "text"};
    if (signing === "presign" && $("expires").value) document.expiresInSeconds = Number($("expires").value);
    const signed = await ask(signing, document);
    if (turn !== signings) return; // Sign was pressed again in the meantime
    Object.assign(state, {source, signedEdits, request, signing, signed, cause: null, sent: null});
    show("problem", "");
    drawSigned();
  } catch (error) {
    if (!error.problem) throw error;
    if (turn === signings) problem("problem", error);
  }
}

const how = {
  "lower-case": "Written in lower case.", "upper-case": "Written in upper case.", trimmed: "Leading and trailing spaces are removed.",
  "spaces-folded": "Several spaces count as one.", joined: "Headers with the same name are joined by commas.", sorted: "Sorted by name.",
  "plus-is-space": "A + is a space.", "equals-added": "A name without a value gets an equals sign.",
  "empty-removed": "Empty parameters are removed.",
  "encoded-twice": "Encoded a second time, as this service requires.", "re-encoded": "Percent-encoded the way AWS does it.",
  "segments-removed": "Empty segments and dot segments are removed.", "default-port-removed": "The default port is removed.",
  "empty-hash": "This is the hash of an empty body.", "unsigned-payload": "The body is not part of the signature.",
};
const by = {
  clock: "It is the time of signing.", session: "It comes from the profile's session.", scope: "It follows from the region.",
  host: "It is the URL's host.", hash: "It is the SHA-256 of the body.", signing: "Signing adds it.",
};
const parts = {
  method: "method", path: "path", query: "query", header: "header", blank: "blank line", "signed-headers": "names of the signed headers",
  "payload-hash": "hash of the body",
};

function sourceName(pointer) {
  const [first, second] = tokens(pointer);
  const names = {
    url: "the URL", method: "the method", body: "the body", bodyBase64: "the body", signingTime: "the field signingTime",
    region: "the field region",
  };
  if (first === "headerList") return "the header " + (state.request.headerList[Number(second)]?.name ?? "");
  return names[first] ?? "the field " + tokens(pointer).join(".");
}

function drawSigned() {
  const s = state.signed, e = s.explanation;
  toggle("nothing", false);
  toggle("signed", true);
  const given = ["service", "region"].filter((name) => e.scope[name + "From"] === "given");
  show("scope", make("strong", {}, s.service), " in ", make("strong", {}, s.region), ". ",
    make("span", {class: "quiet"}, sentence(e.scope.why), given.length === 1 ? ` You gave the ${given[0]}.` : ""));
  tick();
  show("lines", ...e.lines.map((line, i) => make("li", {
    role: "option", id: "line-" + (i + 1), tabindex: i === 0 ? "0" : "-1", "aria-selected": "false",
    "aria-label": `Line ${line.number}, ${parts[line.part]}: ${line.text || "empty"}`,
  }, make("span", {}, ...line.pieces.map((p, n) => make("span", {"data-piece": n}, p.text)), line.pieces.length ? "" : "\u00a0"))));
  show("explanation", "Choose a line to see where it comes from.");
  const [algorithm, date, scope, hash] = e.stringToSign.split("\n");
  show("string", ...pairs([["Algorithm", algorithm], ["Time", date], ["Credential scope", scope], ["Hash of step 1", hash]]));
  show("signature", "Step 2, signed with a key derived from the secret key, the day, the region and the service: ", make("code", {}, e.signature));
  drawHeaders();
  toggle("unsigned", e.notSigned.length > 0);
  show("not-signed", ...e.notSigned.map((h) => make("li", {}, make("code", {}, h.name), ": ", h.message, " ", markIt(h.from))));
  toggle("warned", s.warnings.length > 0);
  show("warnings", ...s.warnings.map((w) => make("li", {}, w.message, " ", markIt(w.pointer))));
  toggle("difference", offers("POST /v1/diagnose"));
  toggle("spoil", Boolean(s.body || s.url.includes("?")));
  show("cause", "");
  toggle("sending", offers("POST /v1/send") && state.signing === "sign");
  const host = new URL(s.url).host, sandbox = host === state.settings.gateway;
  $("send").textContent = `Send ${s.method} to ${host}`;
  toggle("send-spoiled", sandbox);
  show("really", sandbox ? "The sandbox's gateway verifies the signature as AWS does." : "This sends the request for real.");
  show("sent", "");
  toggle("copying", offers("POST /v1/snippets"));
  drawSnippet();
}

const sentence = (text) => text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".") : "";
const pairs = (list) => list.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
const secret = (name) => /^(x-amz-security-token|authorization|cookie|x-api-key)$/i.test(name);

function drawHeaders() {
  const s = state.signed;
  const rows = [make("dt", {}, s.method), make("dd", {}, state.signing === "presign" ? hidden(s.url) : s.url)];
  for (const h of s.headerList) {
    rows.push(make("dt", {}, h.name), make("dd", {}, /^x-amz-security-token$/i.test(h.name) ? hidden(h.value ?? "") : h.value ?? ""));
  }
  show("headers", ...rows);
}

// hidden hides a credential until its button is pressed.
function hidden(text) {
  const box = make("span", {}, `${text.length} characters, hidden `);
  box.append(make("button", {type: "button", class: "small", onclick: () => box.replaceChildren(text)}, "Show"));
  return box;
}

// tick shows how long the signature is valid, or that the request has changed since it was signed.
function tick() {
  if (!state.signed) return;
  const end = new Date(state.signed.expiresAt), left = Math.floor((end - Date.now()) / 1000), changed = changedSince();
  const clock = end.toLocaleTimeString();
  let text = `Valid for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}, until ${clock}.`;
  if (left <= 0) text = `AWS no longer accepts it, since ${clock}. Sign again.`;
  if (changed) text = "The request has changed. Sign it again.";
  if ($("time").textContent !== text) $("time").textContent = text;
  $("until").textContent = "with this signature, valid until " + clock;
  $("send").disabled = $("send-spoiled").disabled = changed || state.sending;
}

// Links between lines and the paste.

// rangesOf returns the byte ranges of the paste from which a value, or a range of it, was read.
function rangesOf(pointer, range) {
  if (!state.read) return [];
  const name = tokens(pointer)[0] === "headerList" && tokens(pointer).length === 2 ? pointer + "/value" : pointer;
  const [from, to] = range ? range.map((b) => before(name, b)) : [0, Infinity];
  const found = [];
  for (const s of state.read.spans) {
    if (s.pointer !== name || s.valueStart >= to && s.valueStart > 0 || s.valueEnd <= from && s.valueEnd > s.valueStart) continue;
    const exact = s.end - s.start === s.valueEnd - s.valueStart;
    const low = exact ? s.start + Math.max(0, from - s.valueStart) : s.start;
    const high = exact ? s.end - Math.max(0, s.valueEnd - to) : s.end;
    if (high <= low) continue;
    if (found.at(-1)?.[1] === low) found.at(-1)[1] = high; else found.push([low, high]);
  }
  return found;
}

// before maps an offset in a filled value to the offset before placeholders were filled in.
function before(pointer, byte) {
  let shift = 0;
  for (const [start, end, length] of state.moved?.[pointer] ?? []) {
    const begin = start + shift;
    if (byte <= begin) break;
    if (byte < begin + length) return start;
    shift += length - (end - start);
  }
  return byte - shift;
}

const textPlaces = () => state.read.places ??= places(state.read.text);

// changedSince reports whether the form was edited after signing.
const changedSince = () => state.edits !== state.signedEdits;

// drawMirror puts the text behind the paste, to carry the marks. It is filled only when needed, since a long text takes time.
function drawMirror() {
  const text = $("paste").value + "\n";
  if ($("mirror").textContent !== text) $("mirror").textContent = text;
  $("mirror").scrollTop = $("paste").scrollTop;
}

function markSource(ranges) {
  if (!CSS.highlights) return;
  CSS.highlights.clear();
  if (!ranges.length || $("paste").value !== state.read?.text) return;
  drawMirror();
  const node = $("mirror").firstChild;
  CSS.highlights.set("source", new Highlight(...ranges.map(([from, to]) => {
    const range = new Range();
    range.setStart(node, textPlaces().index(from));
    range.setEnd(node, textPlaces().index(to));
    return range;
  })));
}

function scrollToMark() {
  const [range] = CSS.highlights?.get("source") ?? [];
  if (!range) return;
  const box = range.getBoundingClientRect(), frame = $("editor").getBoundingClientRect();
  if (box.top < frame.top || box.bottom > frame.bottom) $("paste").scrollTop += box.top - frame.top - frame.height / 3;
  $("mirror").scrollTop = $("paste").scrollTop;
}

function choose(number, piece, focus = true) {
  const line = state.signed?.explanation.lines[number - 1];
  if (!line) return;
  for (const li of $("lines").children) {
    const here = li.id === "line-" + number;
    li.setAttribute("aria-selected", here);
    li.tabIndex = here ? 0 : -1;
    for (const span of li.querySelectorAll("[data-piece]")) span.classList.toggle("mark", here && Number(span.dataset.piece) === piece);
    if (here && focus) li.focus({preventScroll: true});
    if (here) li.scrollIntoView({block: "nearest"});
  }
  state.line = number;
  state.piece = piece;
  const pieces = piece === undefined ? line.pieces : [line.pieces[piece]];
  markSource(changedSince() ? [] : pieces.flatMap((p) => p.from ? rangesOf(p.from, p.at) : []));
  scrollToMark();
  show("explanation", explained(line, piece));
}

function explained(line, piece) {
  const name = line.name ? ` ${line.name}` : "";
  let text = `Line ${line.number}, ${parts[line.part]}${name}. `;
  const said = new Set();
  for (const p of piece === undefined ? line.pieces : [line.pieces[piece]]) {
    if (p.from && p.at) said.add(`From ${sourceName(p.from)}: ${sliced(p) || "empty"}.`);
    else if (p.by && (p.by !== "signing" || line.pieces.length === 1 || piece !== undefined)) said.add(by[p.by]);
  }
  if (line.part === "blank") said.add("It ends the headers.");
  if (line.redacted) said.add("The session token is not shown here.");
  return text + [...said].slice(0, 6).join(" ") + " " + line.how.map((h) => how[h] ?? h).join(" ");
}

function sliced(p) {
  const value = at(state.request, p.from);
  if (typeof value !== "string") return "";
  const where = places(value);
  return value.slice(where.index(p.at[0]), where.index(p.at[1]));
}

function lineKeys(event) {
  const lines = state.signed?.explanation.lines;
  if (!lines) return;
  const now = state.line ?? Number(document.activeElement.id.slice(5)) ?? 1, pieces = lines[now - 1]?.pieces.length ?? 0;
  const moves = {ArrowDown: now + 1, ArrowUp: now - 1, Home: 1, End: lines.length};
  if (event.key in moves) choose(Math.min(lines.length, Math.max(1, moves[event.key])));
  else if (event.key === "ArrowRight" && pieces) choose(now, state.piece === undefined ? 0 : Math.min(pieces - 1, state.piece + 1));
  else if (event.key === "ArrowLeft" && pieces) choose(now, state.piece ? state.piece - 1 : undefined);
  else if (event.key === "Enter" || event.key === " ") choose(now, state.piece);
  else return;
  event.preventDefault();
}

function lineClick(event) {
  const li = event.target.closest("li"), piece = event.target.closest("[data-piece]");
  if (li) choose(Number(li.id.slice(5)), piece ? Number(piece.dataset.piece) : undefined);
}

// fromCaret selects the line that contains the text at the caret.
function fromCaret() {
  const box = $("paste");
  if (document.activeElement !== box || !state.signed || changedSince()) return;
  const byte = textPlaces().byte(box.selectionStart);
  const span = state.read.spans.find((s) => s.start <= byte && byte < s.end);
  if (!span) return;
  const lines = state.signed.explanation.lines;
  for (const [i, line] of lines.entries()) {
    for (const [n, p] of line.pieces.entries()) {
      if (p.from && rangesOf(p.from, p.at).some(([a, b]) => a <= byte && byte < b)) return choose(i + 1, n, false);
    }
  }
}

// Difference, sending, copying.

const refusal = JSON.stringify({
  message: "The request signature we calculated does not match the signature you provided. " +
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
});

function asSigned() {
  const {method, url, headerList, body, bodyBase64} = state.signed;
  return {method, url, headerList: headerList.map((h) => ({name: h.name, value: h.value ?? ""})), body, bodyBase64};
}

async function diagnose(document) {
  toggle("difference", true);
  try {
    state.cause = await ask("diagnose", document);
    drawCause();
  } catch (error) {
    if (!error.problem) throw error;
    problem("cause", error);
  }
}

const whatWasSigned = () =>
  ({request: asSigned(), requestIs: "signed", profile: state.signed.profile, signedAt: state.signed.signedAt});

function findCause() {
  const response = $("answer").value;
  if (!response.trim()) return show("cause", make("p", {class: "bad"}, "Paste AWS's response first."));
  diagnose(state.signed ? {...whatWasSigned(), paste: response} : {paste: $("paste").value + "\n" + response});
}

// spoil asks for the diagnosis if the last byte of the query or body were changed.
function spoil() {
  const sent = asSigned(), spoiled = (text) => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
  if (sent.url.includes("?")) sent.url = spoiled(sent.url);
  else sent.body = spoiled(sent.body);
  diagnose({...whatWasSigned(), sent, response: {status: 403, body: refusal}});
}

// apart marks where two texts differ: everything except their common prefix and suffix.
function apart(a, b) {
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const cell = (t) => {
    const last = t.length - end;
    if (t === "") return make("td", {class: "quiet"}, "nothing");
    return make("td", {}, t.slice(0, start), a === b ? "" : make("mark", {}, t.slice(start, last)), t.slice(last));
  };
  return [cell(a), cell(b)];
}

const certainties = {proved: "This is proved.", stated: "AWS says so.", likely: "This is likely.", open: ""};

const fixFor = (who, fix) => make("p", {}, make("strong", {}, `For ${who}: `), fix);

function details(title, items) {
  if (!items.length) return null;
  return make("details", {}, make("summary", {}, title), make("ul", {}, ...items.map((i) => make("li", {}, i))));
}

// evidence returns a table of the differences. A denied action is not a difference; the reason names it.
function evidence(verdict) {
  const list = (verdict.evidence ?? []).filter((e) => e.part !== "action");
  if (!list.length) return null;
  const there = /^(changed|dropped)-/.test(verdict.cause) ? "AWS received" : "AWS saw or expects";
  const head = ["Part", "You signed", there].map((t) => make("th", {scope: "col"}, t));
  const rows = list.map((e) => make("tr", {}, make("th", {scope: "row"}, e.part), ...apart(e.signed, e.arrived)));
  return make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

// verdict shows the cause, its evidence, and what to do.
function verdict(v) {
  return [
    make("p", {class: "verdict"}, make("strong", {}, v.title), " ", certainties[v.certainty] ?? v.certainty),
    v.reason === v.title ? null : make("p", {}, v.reason),
    evidence(v),
    fixFor("your workflow", v.fixInWorkflow), v.fixInCode ? fixFor("a developer", v.fixInCode) : null,
  ];
}

function drawCause() {
  const c = state.cause, [first, ...others] = c.verdicts;
  show("cause", ...verdict(first),
    details("What was ruled out", c.ruledOut ?? []),
    details("What would help to find out", (c.questions ?? []).map((q) => `${q.what} ${q.why} ${q.how}`)),
    details(`Other causes (${others.length})`, others.map((v) => `${v.title} ${certainties[v.certainty] ?? ""} ${v.reason}`)));
}

async function send(spoiled) {
  state.sending = true;
  tick();
  show("sent", "Sending…");
  try {
    const {signAllHeaders, signedHeaders, ...document} = state.request;
    if (spoiled) document.headerList = [...document.headerList ?? [], {name: "Sandbox-Spoil", value: "one byte"}];
    state.sent = await ask("send", {...document, onError: "return", responseBody: "text"});
    drawSent();
  } catch (error) {
    if (!error.problem) throw error;
    problem("sent", error);
  } finally {
    state.sending = false;
    tick();
  }
}

function drawSent() {
  const a = state.sent, d = a.diagnosis, text = a.body ?? a.bodyBase64 ?? "";
  let pretty = text;
  try { pretty = JSON.stringify(JSON.parse(text), null, 2); } catch { /* it is shown as received */ }
  const box = make("pre", {tabindex: "0", "aria-label": "Body of the response"}, pretty);
  show("sent",
    make("p", {}, make("strong", {class: a.status >= 400 ? "bad" : ""}, String(a.status)),
      `, ${a.durationMilliseconds} ms${a.requestId ? ", request id " + a.requestId : ""}`),
    ...(d ? verdict(d) : []),
    make("details", {}, make("summary", {}, "Headers"), make("dl", {}, ...pairs(a.headerList.map((h) => [h.name, h.value ?? ""])))),
    pretty !== text ? make("p", {}, make("button", {type: "button", onclick: (e) => {
      const raw = box.textContent === pretty;
      box.textContent = raw ? text : pretty;
      e.target.textContent = raw ? "Pretty" : "As received";
    }}, "As received")) : null,
    text ? box : null);
}

const forms = [["logic-apps", "Logic Apps"], ["power-automate", "Power Automate"], ["n8n", "n8n"], ["python", "Python"], ["csharp", "C#"],
  ["powershell", "PowerShell"], ["javascript", "JavaScript"], ["curl-bash", "curl bash"], ["curl-cmd", "curl cmd"]];

let writing = 0;

async function drawSnippet() {
  if (!state.signed || !offers("POST /v1/snippets")) return;
  const turn = ++writing;
  const form = document.querySelector("[name=form]:checked").value, which = document.querySelector("[name=which]:checked").value;
  const document_ = {for: form, request: asSigned()};
  if (which === "service") {
    const keeps = state.source.kind === {"logic-apps": "logic-apps", "power-automate": "logic-apps", n8n: "n8n"}[form];
    const original = keeps ? {...state.request, ...pick(state.source.request, ["url", "headerList", "body"])} : state.request;
    Object.assign(document_, {request: original, address: new URL(".", location.href).href, keepExpressions: keeps});
  }
  try {
    const made = await ask("snippets", document_);
    if (turn !== writing) return; // another form was chosen in the meantime
    show("hint", made.hint, made.variable ? ` It does not contain the key; it reads it from ${made.variable}.` : "");
    show("snippet", made.text);
  } catch (error) {
    if (!error.problem) throw error;
    if (turn !== writing) return;
    show("snippet", "");
    problem("hint", error);
  }
}

const pick = (o, names) => Object.fromEntries(names.filter((n) => o[n] !== undefined).map((n) => [n, o[n]]));

// redact removes the secrets of the paste from a text.
function redact(text) {
  const bytes = encoder.encode(state.source.text), decoder = new TextDecoder();
  for (const s of state.source.secrets) {
    const value = decoder.decode(bytes.subarray(s.start, s.end));
    if (value) text = text.replaceAll(value, "[redacted]");
  }
  for (const h of state.request?.headerList ?? []) if (secret(h.name) && h.value) text = text.replaceAll(h.value, "[redacted]");
  if (state.key) text = text.replaceAll(state.key, "[redacted]");
  return text;
}

function ticket() {
  const s = state.signed, e = s.explanation;
  const lines = [
    `Countersign ${state.settings.version}`,
    `${s.method} to ${new URL(s.url).host}, ${s.service} in ${s.region}, signed at ${s.signedAt} by ${s.accessKeyId}`,
    "", "Canonical request:", e.canonicalRequest, "",
  ];
  if (s.warnings.length) lines.push("Warnings:", ...s.warnings.map((w) => `- ${w.code}: ${w.message}`), "");
  if (e.notSigned.length) lines.push("Not signed: " + e.notSigned.map((h) => h.name).join(", "), "");
  const diagnosis = state.sent?.diagnosis;
  if (state.cause) lines.push("Cause: " + state.cause.summary, "");
  else if (diagnosis) lines.push(`Cause: ${diagnosis.title} ${diagnosis.reason}`, "");
  if (state.sent) lines.push(`Response: ${state.sent.status}, request id ${state.sent.requestId ?? "none"}`);
  return redact(lines.join("\n"));
}

async function copy(event) {
  const s = state.signed, what = event.target.dataset.copy;
  const text = {
    canonical: () => s.explanation.canonicalRequest, string: () => s.explanation.stringToSign,
    snippet: () => $("snippet").textContent, ticket,
    send: () => [`${s.method} ${s.url}`, ...s.headerList.map((h) => `${h.name}: ${h.value ?? ""}`)].join("\n"),
  }[what]();
  const was = event.target.textContent;
  try {
    await navigator.clipboard.writeText(text);
    event.target.textContent = "Copied";
    setTimeout(() => { event.target.textContent = was; }, 1500);
  } catch {
    if (what === "ticket") {
      writing++; // a snippet still on its way must not replace it
      show("snippet", text);
    }
    const box = {canonical: "lines", string: "string", send: "headers", snippet: "snippet", ticket: "snippet"}[what];
    getSelection().selectAllChildren($(box));
    show("state", "Copying needs https. The text is selected: press Ctrl+C.");
  }
}

// Examples.

// contract is fetched only when one of its examples is needed.
const contract = async () => (await fetch("openapi.json")).json();

async function example(name) {
  const known = state.settings.examples.find((e) => e.name === name);
  if (known) return load(known.text);
  const [operation, which] = name.split(".");
  for (const item of Object.values((await contract()).paths)) {
    for (const o of Object.values(item)) {
      const value = o.operationId === operation && o.requestBody?.content?.["application/json"]?.examples?.[which]?.value;
      if (value) return load(value.text ?? value.paste ?? JSON.stringify(value.request ?? value, null, 2));
    }
  }
}

// recipes lists the examples in the contract that are marked as recipes.
async function recipes() {
  const list = $("recipes");
  if (!list.open || list.querySelector("button")) return;
  const {examples} = (await contract()).paths["/v1/send"].post.requestBody.content["application/json"];
  const button = (e) => make("button", {type: "button", onclick: () => load(JSON.stringify(e.value, null, 2))}, e.summary);
  list.replaceChildren(list.firstElementChild, ...Object.values(examples).filter((e) => e["x-recipe"]).map(button));
}

function load(text) {
  $("paste").value = text;
  changed();
  return readNow();
}

// Wiring.

let pending = Promise.resolve(), timer = 0;

function edited() {
  state.edits++;
  tick();
}

// changed reads the paste: at a pause while typing, otherwise at once.
function changed(event) {
  const typed = /^(insertText|insertLineBreak|insertCompositionText|delete)/.test(event?.inputType) && !(event.data?.length > 1);
  CSS.highlights?.clear();
  clearTimeout(timer);
  timer = setTimeout(readNow, $("paste").value.length > 50000 ? 400 : 150);
  if (!typed) readNow();
  edited();
}

// readNow reads the paste without waiting for a pause. It resolves when the current text has been read.
function readNow() {
  if (timer) pending = readPaste();
  clearTimeout(timer);
  timer = 0;
  return pending;
}

async function start() {
  $("access").addEventListener("submit", useKey);
  $("forget").addEventListener("click", forgetKey);
  $("paste").addEventListener("input", changed);
  $("paste").addEventListener("scroll", () => { $("mirror").scrollTop = $("paste").scrollTop; });
  addEventListener("beforeprint", drawMirror);
  $("request").addEventListener("input", edited);
  $("choice").addEventListener("change", (e) => { pending = readPaste(Number(e.target.value)); });
  $("recipes").addEventListener("toggle", recipes);
  $("sign").addEventListener("click", sign);
  $("lines").addEventListener("keydown", lineKeys);
  $("lines").addEventListener("click", lineClick);
  $("diagnose").addEventListener("click", findCause);
  $("spoil").addEventListener("click", spoil);
  $("send").addEventListener("click", () => send(false));
  $("send-spoiled").addEventListener("click", () => send(true));
  document.addEventListener("selectionchange", fromCaret);
  document.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); sign(); }
    if (e.key === "Escape") CSS.highlights?.clear();
  });
  for (const b of document.querySelectorAll("[data-copy]")) b.addEventListener("click", copy);
  show("forms", ...forms.map(([value, name], i) =>
    make("label", {}, make("input", {type: "radio", name: "form", value, checked: i === 0}), " " + name)));
  $("copying").addEventListener("change", drawSnippet);
  setInterval(tick, 1000);
  state.settings = await (await fetch("workbench/settings.json")).json();
  state.key = sessionStorage.getItem("countersign-key") ?? "";
  $("version").textContent = state.settings.version;
  $("examples").append(...state.settings.examples.map((e) => make("button", {type: "button", onclick: () => load(e.text)}, e.title)));
  toggle("examples", state.settings.examples.length > 0);
  toggle("difference", offers("POST /v1/diagnose"));
  await enter();
  document.body.classList.remove("waiting");
  const wanted = new URLSearchParams(location.search).get("example");
  if (wanted) await example(wanted);
  else if ($("paste").value) changed(); // text that the browser restored
}

start().catch((error) => {
  document.body.classList.remove("waiting");
  show("state", make("span", {class: "bad"}, "The workbench could not start: " + error.message));
});
