/**
 * No shared function asks for an architecture or a version by its name: this tool looks for such names in the functions
 * of src/, outside of the files that are about one architecture. Tables of all of them, and comments, may name them.
 *
 *     node tools/check-names.js      exit status 1 and "file:line: ..." for each name that nothing allows
 */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { readProject } from './check-imports.js';

/**
 * @typedef {{ path: string, text: string }} SourceFile A file, its path relative to the project with slashes.
 * @typedef {{ path: string, line: number, name: string }} Found
 * @typedef {{ path: RegExp, name: RegExp, why: string }} Allowed
 */

/** Files about one architecture, lists of all of them, and claims, which may be about whom they like. */
const ABOUT_ONE = [
  /^src\/linux\/arch\//,
  /^src\/inspect\/arch\//,
  /^src\/mmu\/(?:arm64|loongarch64|ppc64_hash|ppc64_radix|riscv64|s390x|sparc64|x86_64|index)\.ts$/,
  /^src\/inspect\/ptdump\/(?:arm64|powerpc|riscv|s390|x86)\.ts$/,
  /^src\/memory\/elf_machine\.ts$/,
  /^src\/check\/claims\//,
];

/** How a name of an architecture begins, as a word of an identifier or of a text. */
const ARCHITECTURE =
  /(?<![a-z])(?:x86|amd64|arm64|aarch64|riscv|rv64|s390|ppc|powerpc|loongarch|loong64|sparc)/i;
/** The same within camelCase. */
const IN_CAMEL_CASE = /[a-z](?:X86|Amd64|Arm64|Aarch64|Riscv|S390|Ppc|Powerpc|Loongarch|Sparc)/;
const VERSION = /^v\d+\.\d+/;

/** @type {readonly Allowed[]} */
const ALLOWED = [
  {
    path: /^src\/cli\//,
    name: /\s|^v1-and-v2-|^arm64$/,
    why: 'help for people gives examples, and so does the first thing that one runs',
  },
  {
    path: /^src\/cli\/source\.ts$/,
    name: /^s390x$/,
    why: 'raw memory does not say in which order its bytes are',
  },
  {
    path: /^src\/inspect\/(?:locate|explain\/(?:origins|presence))\.ts$/,
    name: /./,
    why: 'which of the functions that are about one architecture each is for the one in hand',
  },
  {
    path: /^src\/inspect\/ptdump\/ptdump\.ts$/,
    name: /^a line as|^x86Lines$/,
    why: 'an error shows what is expected by an example',
  },
  {
    path: /^src\/inspect\/survey\/rules\.ts$/,
    name: /^(?:x86_64|s390x)$/,
    why: 'a page that the hardware or user space wants at a fixed address: vsyscall, and the lowcore',
  },
  {
    path: /^src\/report\/explain_text\.ts$/,
    name: /^x86_64$/,
    why: 'its not-present entries hold the frame inverted, which a reader of the entry will wonder about',
  },
  {
    path: /^src\/report\/live_text\.ts$/,
    name: /^not counted:/,
    why: 'it tells the reader who has such counters',
  },
  {
    path: /^src\/memory\/sources\/(?:gdb_guest|kcore)\.ts$/,
    name: /^(?:EM_AARCH64|EM_S390|EM_PPC64|X86_64|isBigEndianPowerpc)$/,
    why: 'what QEMU and old kernels leave out for one machine',
  },
];

/**
 * The names in some files that nothing allows, and the allowances that nothing needs. Pure.
 *
 * @param {readonly SourceFile[]} files
 * @param {readonly Allowed[]} allowed
 * @returns {{ found: Found[], unused: Allowed[] }}
 */
export function checkNames(files, allowed = ALLOWED) {
  const unused = new Set(allowed);
  const found = files
    .filter(({ path }) => path.startsWith('src/') && !ABOUT_ONE.some((about) => about.test(path)))
    .flatMap(namesIn)
    .filter((each) => {
      const by = allowed.find(({ path, name }) => path.test(each.path) && name.test(each.name));
      if (by !== undefined) unused.delete(by);
      return by === undefined;
    });
  return { found, unused: [...unused] };
}

/**
 * Identifiers and texts in functions that name an architecture, and versions that something is compared with.
 *
 * @param {SourceFile} file
 * @returns {Found[]}
 */
function namesIn({ path, text }) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  /** @type {Found[]} */
  const found = [];
  /**
   * @param {ts.Node} node
   * @param {boolean} inFunction
   */
  const visit = (node, inFunction) => {
    if (ts.isTypeNode(node)) return;
    const name = inFunction ? nameOf(node) : undefined;
    if (
      name !== undefined &&
      (ARCHITECTURE.test(name) || IN_CAMEL_CASE.test(name) || (VERSION.test(name) && isTested(node)))
    ) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push({ path, line: line + 1, name });
    }
    const inside = inFunction || ts.isFunctionLike(node);
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(source, false);
  return found;
}

/**
 * @param {ts.Node} node
 * @returns {string | undefined}
 */
function nameOf(node) {
  if (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) return node.text;
  return ts.isRegularExpressionLiteral(node) ? node.text : undefined;
}

/**
 * Whether something is compared with a text, or asked whether it begins with it.
 *
 * @param {ts.Node} node
 */
function isTested({ parent }) {
  if (ts.isCallExpression(parent))
    return /\.(?:startsWith|includes|match|test)$/.test(parent.expression.getText());
  if (ts.isCaseClause(parent)) return true;
  return ts.isBinaryExpression(parent) && /^[=!]==?$|^[<>]=?$/.test(parent.operatorToken.getText());
}

/** @param {string} root */
function main(root) {
  const { found, unused } = checkNames(readProject(root));
  for (const { path, line, name } of found) console.error(`${path}:${line}: names ${JSON.stringify(name)}`);
  for (const { why } of unused) console.error(`nothing needs this any more: ${why}`);
  if (found.length + unused.length > 0) process.exitCode = 1;
  else console.log('names: no shared code names an architecture or a version');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(path.dirname(import.meta.dirname));
