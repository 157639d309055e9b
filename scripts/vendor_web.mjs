// Copies the viewer's libraries from scripts/web/node_modules into web/vendor as .mjs files.
//
// The host imports every .js below web/ when its page opens, so the libraries must not end in .js. Their bare
// imports become relative ones: no import map, no CDN, no build step. For the same reason the packages are
// installed beside this script and not below web/.
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

/** Rewrite import specifiers and drop the link to a source map that is not shipped. */
export function rewrite(text) {
  return text
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

function build() {
  const files = {};
  for (const [name, source] of Object.entries(SCRIPTS)) {
    files[name] = rewrite(readFileSync(join(MODULES, source), "utf8"));
    const foreign = importsOf(files[name]).filter((specifier) => !specifier.startsWith("./"));
    if (foreign.length) throw new Error(`${source}: imports ${foreign.join(", ")}; add it to IMPORTS.`);
  }
  for (const [name, source] of Object.entries(LICENSES)) files[name] = readFileSync(join(MODULES, source), "utf8");
  const rows = Object.keys(SCRIPTS).map((name) => {
    const digest = createHash("sha256").update(files[name]).digest("hex");
    return `| ${name} | ${SCRIPTS[name]} | ${Buffer.byteLength(files[name])} | ${digest} |`;
  });
  files["README.md"] = `# Libraries of the viewer

Made by \`scripts/vendor_web.mjs\` from the versions that \`scripts/web/package-lock.json\` locks; do not edit. Only the
import specifiers are changed (to relative paths), and links to source maps are dropped.

- three ${version("three")} (MIT, LICENSE.three.txt)
- @sparkjsdev/spark ${version("@sparkjsdev/spark")} (MIT, LICENSE.spark.txt), which bundles
  fflate (MIT, LICENSE.fflate.txt)

| file | from | bytes | SHA-256 |
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
      return !existsSync(path) || readFileSync(path, "utf8") !== files[name];
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
