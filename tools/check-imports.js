/**
 * Imports go one way. This tool holds every import in src/ and web/ against the rules of the house, on every test
 * run: which room may use which, who may touch Node, who may use a package, and that no files import each other in
 * a circle. `import type` counts for the rooms, and not for the circles: it is gone at run time.
 *
 *     node tools/check-imports.js      exit status 1 and "file:line: ..." for each import that may not be
 */

import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * @typedef {{ path: string, text: string }} SourceFile A file, its path relative to the project with slashes.
 * @typedef {{ specifier: string | undefined, line: number, kind: 'value' | 'type' | 'dynamic' }} Import
 * @typedef {{ path: string, line: number, message: string }} Violation
 * @typedef {{ files: number, imports: number, violations: Violation[] }} Result
 * @typedef {{ rooms: readonly string[], packages?: readonly string[], node?: boolean, files?: boolean }} Rule
 *   What a room may import: other rooms, packages, Node's modules, and files that are in no room.
 */

const MODEL = ['linux', 'mmu', 'memory'];

/** @type {Readonly<Record<string, Rule>>} */
const RULES = {
  errors: { rooms: [] },
  memory: { rooms: [] },
  'memory/sources': { rooms: ['memory'], packages: ['xz-decompress'], node: true },
  mmu: { rooms: ['memory'] },
  linux: { rooms: ['mmu', 'memory'] },
  scenario: { rooms: MODEL, packages: ['acorn'] },
  check: { rooms: ['scenario', ...MODEL] },
  inspect: { rooms: ['mmu', 'memory'] },
  probe: { rooms: ['memory/sources', 'scenario', ...MODEL], node: true },
  report: { rooms: ['check', 'inspect', 'probe', 'scenario', ...MODEL] },
  cli: {
    rooms: ['report', 'check', 'inspect', 'probe', 'memory/sources', 'scenario', ...MODEL],
    packages: ['commander'],
    node: true,
    files: true,
  },
};

const ROOMS = Object.keys(RULES).filter((room) => room !== 'errors');

const WEB_ROOMS = ROOMS.filter((room) => room !== 'cli' && room !== 'memory/sources');

const SOURCE_FILE = /\.(?:ts|tsx|mts|js|jsx|mjs)$/;

/**
 * Hold the imports of some files against the rules. Pure: reads nothing but its argument.
 *
 * @param {readonly SourceFile[]} files
 * @returns {Result}
 */
export function checkImports(files) {
  const importsOf = new Map(files.map((file) => [file.path, findImports(file)]));
  /** @type {Violation[]} */
  const violations = [];
  let imports = 0;
  for (const [from, found] of importsOf) {
    imports += found.length;
    if (roomOf(from) === undefined) {
      violations.push({
        path: from,
        line: 1,
        message: `in no room: src/ has ${ROOMS.join(', ')}, errors.ts`,
      });
      continue;
    }
    for (const { specifier, line } of found) {
      const message = ruleBrokenBy(from, specifier);
      if (message !== undefined) violations.push({ path: from, line, message });
    }
  }
  violations.push(...findCycles(importsOf));
  violations.sort((a, b) => compare(a.path, b.path) || a.line - b.line);
  return { files: files.length, imports, violations };
}

/**
 * Every module that a file names: import, export from, import() and import types.
 *
 * @param {SourceFile} file
 * @returns {Import[]}
 */
function findImports({ path, text }) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  /** @type {Import[]} */
  const found = [];
  /**
   * @param {ts.Node} node
   * @param {ts.Node | undefined} name
   * @param {Import['kind']} kind
   */
  const add = (node, name, kind) => {
    const specifier = name !== undefined && ts.isStringLiteralLike(name) ? name.text : undefined;
    found.push({
      specifier,
      line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1,
      kind,
    });
  };
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node, node.moduleSpecifier, isType ? 'type' : 'value');
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      add(node, node.moduleSpecifier, node.isTypeOnly ? 'type' : 'value');
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], 'dynamic');
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, 'type');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/**
 * What is wrong with `from` importing `specifier`, if anything.
 *
 * @param {string} from
 * @param {string | undefined} specifier
 * @returns {string | undefined}
 */
function ruleBrokenBy(from, specifier) {
  const room = roomOf(from) ?? '';
  const rule = RULES[room];
  /** @param {string} why */
  const mayNot = (why) => `${room} may not import ${specifier ?? 'a computed name'}: ${why}`;

  if (specifier === undefined) return rule?.node ? undefined : mayNot('it cannot be checked');

  if (!specifier.startsWith('.')) {
    if (isBuiltin(specifier)) {
      if (rule?.node) return undefined;
      return mayNot('only cli, probe and memory/sources use Node, the rest runs in a browser');
    }
    if (rule === undefined) return undefined;
    const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
    const allowed = rule.packages ?? [];
    if (allowed.includes(name)) return undefined;
    return mayNot(
      allowed.length === 0 ? 'it uses no packages' : `of packages it uses ${allowed.join(', ')} only`,
    );
  }

  const target = targetOf(from, specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === room || targetRoom === 'errors') return undefined;
  if (targetRoom === undefined || targetRoom === 'web') {
    return rule === undefined || rule.files ? undefined : mayNot(`${target} is in no room below it`);
  }
  const rooms = rule?.rooms ?? WEB_ROOMS;
  if (rooms.includes(targetRoom)) return undefined;
  const below = rooms.length === 0 ? 'no other room' : rooms.join(', ');
  return mayNot(`${targetRoom} is not below it, it may use ${below}`);
}

/**
 * The room that a path is in: "web", "errors", or one of ROOMS.
 *
 * @param {string} file
 * @returns {string | undefined}
 */
function roomOf(file) {
  if (file.startsWith('web/')) return 'web';
  if (file === 'src/errors.ts') return 'errors';
  if (file.startsWith('src/memory/sources/')) return 'memory/sources';
  const room = /^src\/([^/]+)\//.exec(file)?.[1];
  return room !== undefined && ROOMS.includes(room) ? room : undefined;
}

/**
 * @param {string} from
 * @param {string} specifier
 */
function targetOf(from, specifier) {
  return path.posix.join(path.posix.dirname(from), specifier);
}

/**
 * Circles of files under src/ that need one another to load: one violation for each group of such files, with the
 * shortest circle through the first of them.
 *
 * @param {ReadonlyMap<string, readonly Import[]>} importsOf
 * @returns {Violation[]}
 */
function findCycles(importsOf) {
  /** @type {Map<string, Map<string, number>>} file -> file that it imports -> line */
  const graph = new Map();
  for (const [from, imports] of importsOf) {
    if (!from.startsWith('src/')) continue;
    /** @type {Map<string, number>} */
    const edges = new Map();
    for (const { specifier, line, kind } of imports) {
      if (kind !== 'value' || !specifier?.startsWith('.')) continue;
      const target = targetOf(from, specifier);
      if (importsOf.has(target) && !edges.has(target)) edges.set(target, line);
    }
    graph.set(from, edges);
  }

  /** @type {Violation[]} */
  const violations = [];
  /** @type {Set<string>} */
  const reported = new Set();
  for (const start of [...graph.keys()].sort(compare)) {
    if (reported.has(start)) continue;
    const circle = shortestCircle(graph, start);
    if (circle === undefined) continue;
    // The kernel's files call one another, and the files that mirror them do so too.
    if (circle.every((file) => file.startsWith('src/linux/'))) continue;
    for (const file of circle) reported.add(file);
    const line = graph.get(start)?.get(circle[1] ?? start) ?? 1;
    violations.push({ path: start, line, message: `import cycle: ${[...circle, start].join(' -> ')}` });
  }
  return violations;
}

/**
 * The files on the shortest way from `start` back to itself, `start` first.
 *
 * @param {ReadonlyMap<string, ReadonlyMap<string, number>>} graph
 * @param {string} start
 * @returns {string[] | undefined}
 */
function shortestCircle(graph, start) {
  let paths = [[start]];
  const seen = new Set();
  while (paths.length > 0) {
    /** @type {string[][]} */
    const longer = [];
    for (const files of paths) {
      for (const next of graph.get(files.at(-1) ?? start)?.keys() ?? []) {
        if (next === start) return files;
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...files, next]);
      }
    }
    paths = longer;
  }
  return undefined;
}

/**
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Every source file under src/ and web/ of a project.
 *
 * @param {string} root
 * @returns {SourceFile[]}
 */
export function readProject(root) {
  /** @type {SourceFile[]} */
  const files = [];
  /** @param {string} folder */
  const read = (folder) => {
    for (const entry of readdirSync(path.join(root, folder), { withFileTypes: true })) {
      const file = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'dist') read(file);
      } else if (SOURCE_FILE.test(entry.name)) {
        files.push({ path: file, text: readFileSync(path.join(root, file), 'utf8') });
      }
    }
  };
  const present = new Set(readdirSync(root));
  for (const folder of ['src', 'web']) if (present.has(folder)) read(folder);
  return files.sort((a, b) => compare(a.path, b.path));
}

/** @param {string} root */
function main(root) {
  const { files, imports, violations } = checkImports(readProject(root));
  for (const { path, line, message } of violations) console.error(`${path}:${line}: ${message}`);
  if (violations.length === 0) console.log(`imports: ${files} files, ${imports} imports, all downwards`);
  else process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(path.dirname(import.meta.dirname));
