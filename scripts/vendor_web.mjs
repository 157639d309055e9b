// Copies the viewer's libraries from scripts/web/node_modules into web/vendor as .mjs files.
//
// The host imports every .js below web/ when its page opens, so the libraries must not end in .js. Their bare
// imports become relative ones: no import map, no CDN, no build step. For the same reason the packages are
// installed beside this script and not below web/.
//
// Spark carries its WebAssembly as base64 text; it becomes a file of its own, spark.wasm, that the module fetches from
// beside itself. libraries.json lists every file with its version, source, license and SHA-256.
//
//   npm ci --prefix scripts/web && node scripts/vendor_web.mjs            write web/vendor
//   npm ci --prefix scripts/web && node scripts/vendor_web.mjs --check    fail when web/vendor differs

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, "web", "node_modules");
const VENDOR = join(dirname(HERE), "web", "vendor");

/** What each specifier becomes. */
const IMPORTS = {
  three: "./three.mjs",
  "three/addons/postprocessing/Pass.js": "./three.pass.mjs",
  "./three.core.min.js": "./three.core.mjs",
};

const SCRIPTS = {
  "three.mjs": "three/build/three.module.min.js",
  "three.core.mjs": "three/build/three.core.min.js",
  "three.pass.mjs": "three/examples/jsm/postprocessing/Pass.js",
  "spark.mjs": "@sparkjsdev/spark/dist/spark.module.min.js",
};

const LICENSES = {
  "LICENSE.three.txt": "three/LICENSE",
  "LICENSE.spark.txt": "@sparkjsdev/spark/LICENSE",
  "LICENSE.fflate.txt": "fflate/LICENSE", // bundled inside Spark
};

const LICENSE_OF = { three: "LICENSE.three.txt", "@sparkjsdev/spark": "LICENSE.spark.txt", fflate: "LICENSE.fflate.txt" };

/** Spark's own way to its WebAssembly: names, the base64 text, and what compiles it. */
const INLINE_WASM = /\bconst (\w+) = typeof atob == "function" \? \w+ : \w+, (\w+) = \1\("(AGFzbQ[A-Za-z0-9+/=]+)"\)\.buffer, (\w+) = WebAssembly\.compile\(\2\);/;

/**
 * Take the WebAssembly out of Spark's module.
 * @returns {{ text: string, wasm: Buffer }} the module that fetches it, and the bytes
 */
export function takeWasmOut(text, name) {
  const found = INLINE_WASM.exec(text);
  if (!found) throw new Error("Spark's WebAssembly is not where it was; see INLINE_WASM.");
  const from = `fetch(new URL("./${name}", import.meta.url))`;
  const read = `(answer) => answer.ok ? answer.arrayBuffer() : Promise.reject(new Error("${name}: " + answer.status))`;
  const code = `const ${found[4]} = ${from}.then(${read}).then((bytes) => WebAssembly.compile(bytes));`;
  return { text: text.replace(found[0], () => code), wasm: Buffer.from(found[3], "base64") };
}

// three.js marks the page as having one and complains of a second. The host's own, which loads with its 3D nodes, is
// another one that we cannot share: ours lives beside it and does not sign in.
const SIGNS_IN = /,"undefined"!=typeof window&&\(window\.__THREE__\?console\.warn\("[^"]*"\):window\.__THREE__=\w+\)/;

/** Rewrite import specifiers, drop the link to a source map that is not shipped, and three's mark on the page. */
export function rewrite(text) {
  return text
    .replace(SIGNS_IN, "")
    .replace(/(\bfrom\s*)(["'])([^"'\n]+)\2/g, (whole, from, quote, name) =>
      name in IMPORTS ? `${from}${quote}${IMPORTS[name]}${quote}` : whole,
    )
    .replace(/^\/\/# sourceMappingURL=.*$\n?/gm, "");
}

/** Return the specifiers of a module's static imports. */
export function importsOf(text) {
  const found = text.matchAll(/(?:^|[;}\s])(?:import|export)\s*(?:[\w*${},\s]+?\bfrom\s*)?(["'])([^"'\n]+)\1/gm);
  return [...found].map((match) => match[2]);
}

function version(name) {
  return JSON.parse(readFileSync(join(MODULES, name, "package.json"), "utf8")).version;
}

function libraryOf(source) {
  return Object.keys(LICENSE_OF).find((one) => source.startsWith(`${one}/`));
}

function addressOf(library) {
  return `https://www.npmjs.com/package/${library}/v/${version(library)}`;
}

function build() {
  const files = {};
  for (const [name, source] of Object.entries(SCRIPTS)) {
    const library = libraryOf(source);
    const banner = `/*! ${library} ${version(library)}, MIT, ${LICENSE_OF[library]}, ${addressOf(library)} */\n`;
    files[name] = banner + rewrite(readFileSync(join(MODULES, source), "utf8"));
    const foreign = importsOf(files[name]).filter((specifier) => !specifier.startsWith("./"));
    if (files[name].includes("__THREE__")) throw new Error(`${source}: marks the page in another way; mend SIGNS_IN.`);
    if (foreign.length) throw new Error(`${source}: imports ${foreign.join(", ")}; add it to IMPORTS.`);
  }
  const spark = takeWasmOut(files["spark.mjs"], "spark.wasm");
  files["spark.mjs"] = spark.text;
  files["spark.wasm"] = spark.wasm;
  for (const [name, source] of Object.entries(LICENSES)) files[name] = readFileSync(join(MODULES, source), "utf8");
  const sources = { ...SCRIPTS, "spark.wasm": `${SCRIPTS["spark.mjs"]} (its base64 text)`, ...LICENSES };
  const libraries = Object.entries(sources).map(([name, source]) => {
    const library = libraryOf(source);
    return {
      file: name,
      library,
      version: version(library),
      source: addressOf(library),
      path: source.slice(library.length + 1),
      license: JSON.parse(readFileSync(join(MODULES, library, "package.json"), "utf8")).license,
      license_file: LICENSE_OF[library],
      bytes: Buffer.byteLength(files[name]),
      sha256: createHash("sha256").update(files[name]).digest("hex"),
    };
  });
  files["libraries.json"] = `${JSON.stringify(libraries, null, 1)}\n`;
  const rows = libraries.map((one) => `| ${one.file} | ${one.library} ${one.version} | ${one.license} | ${one.path} |`);
  files["README.md"] = `# Libraries of the viewer

Made by \`scripts/vendor_web.mjs\` from the versions that \`scripts/web/package-lock.json\` locks; do not edit. Only the
import specifiers are changed (to relative paths), links to source maps and three's mark on the page are dropped, a first
line says what it is, and Spark's WebAssembly, base64 text in its module, is a file of its own. \`libraries.json\` lists the same with addresses,
sizes and SHA-256.

Spark bundles fflate.

| file | library | license | in the package |
|---|---|---|---|
${rows.join("\n")}
`;
  return files;
}

function main(check) {
  const files = build();
  if (check) {
    const differing = Object.keys(files).filter((name) => {
      const path = join(VENDOR, name);
      return !existsSync(path) || !readFileSync(path).equals(Buffer.from(files[name]));
    });
    const extra = readdirSync(VENDOR).filter((name) => !(name in files));
    if (differing.length || extra.length) {
      console.error(`web/vendor differs from the locked packages: ${[...differing, ...extra].join(", ")}`);
      process.exitCode = 1;
    }
    return;
  }
  mkdirSync(VENDOR, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(VENDOR, name), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes("--check"));
