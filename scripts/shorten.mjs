// Shortens what a program and its JavaScript share. wasm-bindgen ends each of some three hundred names in sixteen random
// digits, which no compression takes away, and writes them in both files. What only its classes use goes with them: we
// have none, libraries do. wasm-opt, run after this, takes out what is no longer reached.
// Usage: node scripts/shorten.mjs dist
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROGRAM = /^(.+)_bg\.wasm$/;
const HEADER_BYTES = 8;
const IMPORTS = 2;
const EXPORTS = 7;
/** Names that are shorter gain nothing. */
const LEAST_LENGTH = 9;
const WORD = /[\w$]+/g;

function shorten(program, script) {
  const names = new Map();
  const short = (name) => {
    if (name.length < LEAST_LENGTH) return name;
    if (!names.has(name)) names.set(name, `$${names.size.toString(36)}`);
    return names.get(name);
  };
  const source = readFileSync(script, "utf8")
    .replace(/^export class (\w+) \{$[\s\S]*?^\}$/gm, "")
    .replace(/^if \(Symbol\.dispose\).*$/gm, "")
    .replace(/^const \w+Finalization = [\s\S]*?;$/gm, "")
    .replace(/\/\*\*[\s\S]*?\*\//g, "")
    .replace(/^\s+/gm, "");
  const used = new Set(source.match(WORD));
  const bytes = readFileSync(program);
  const parts = [bytes.subarray(0, HEADER_BYTES)];
  const reader = new Reader(bytes, HEADER_BYTES);
  while (reader.at < bytes.length) {
    const id = bytes[reader.at++];
    const content = reader.bytes(reader.number());
    const body = id === IMPORTS ? imports(content, short) : id === EXPORTS ? exports(content, short, used) : content;
    parts.push(Buffer.from([id]), number(body.length), body);
  }
  writeFileSync(program, Buffer.concat(parts));
  writeFileSync(script, source.replace(WORD, (word) => names.get(word) ?? word));
}

/** (module, name, what): what stays as it is. */
function imports(content, short) {
  const reader = new Reader(content);
  const count = reader.number();
  const parts = [number(count)];
  for (let left = count; left > 0; left--) {
    parts.push(text(reader.text()), text(short(reader.text())));
    const from = reader.at;
    const kind = content[reader.at++];
    if (kind === 0) reader.number();
    else if (kind === 1) {
      reader.at++;
      reader.limits();
    } else if (kind === 2) reader.limits();
    else if (kind === 3) reader.at += 2;
    else fail(`there is no import of kind ${kind}`);
    parts.push(content.subarray(from, reader.at));
  }
  return Buffer.concat(parts);
}

/** (name, kind, index). */
function exports(content, short, used) {
  const reader = new Reader(content);
  const parts = [];
  for (let left = reader.number(); left > 0; left--) {
    const name = reader.text();
    const from = reader.at++;
    reader.number();
    if (used.has(name)) parts.push(Buffer.concat([text(short(name)), content.subarray(from, reader.at)]));
  }
  return Buffer.concat([number(parts.length), ...parts]);
}

class Reader {
  constructor(content, at = 0) {
    this.content = content;
    this.at = at;
  }

  number() {
    let [value, shift, byte] = [0, 0];
    do {
      byte = this.content[this.at++];
      value += (byte & 0x7f) * 2 ** shift;
      shift += 7;
    } while (byte & 0x80);
    return value;
  }

  bytes(length) {
    this.at += length;
    return this.content.subarray(this.at - length, this.at);
  }

  text() {
    return this.bytes(this.number()).toString("utf8");
  }

  limits() {
    const hasMost = this.content[this.at++] & 1;
    this.number();
    if (hasMost) this.number();
  }
}

function number(value) {
  const bytes = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest > 0 ? 0x80 : 0));
    value = rest;
  } while (value > 0);
  return Buffer.from(bytes);
}

function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([number(bytes.length), bytes]);
}

function fail(why) {
  console.error(`shorten: ${why}`);
  process.exit(1);
}

const folder = process.argv[2];
if (!folder) {
  console.error("usage: shorten.mjs <folder>");
  process.exit(2);
}
for (const entry of readdirSync(folder)) {
  const stem = PROGRAM.exec(entry)?.[1];
  if (!stem) continue;
  const [program, script] = [join(folder, entry), join(folder, `${stem}.js`)];
  if (!existsSync(script)) fail(`${entry} has no ${stem}.js`);
  shorten(program, script);
}
