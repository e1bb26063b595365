import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkImports, readProject } from '../../tools/check-imports.js';

/** What is wrong with a project of these files, one line each. */
function violations(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkImports(sources).violations.map(({ path, line, message }) => `${path}:${line}: ${message}`);
}

/** What is wrong with one file that has one import. */
function importing(from: string, specifier: string): string | undefined {
  return violations({ [from]: `import { x } from '${specifier}';` })[0];
}

test('the imports of this project go one way', () => {
  const { files, imports, violations } = checkImports(
    readProject(path.resolve(import.meta.dirname, '../..')),
  );
  expect(violations).toEqual([]);
  expect(files).toBeGreaterThan(5);
  expect(imports).toBeGreaterThan(5);
});

describe('rooms', () => {
  test.each([
    ['src/memory/a.ts', '../mmu/b.ts'],
    ['src/mmu/a.ts', '../linux/b.ts'],
    ['src/linux/mm/a.ts', '../../scenario/b.ts'],
    ['src/scenario/a.ts', '../check/b.ts'],
    ['src/check/a.ts', '../inspect/b.ts'],
    ['src/check/a.ts', '../report/b.ts'],
    ['src/inspect/a.ts', '../linux/b.ts'],
    ['src/inspect/a.ts', '../check/b.ts'],
    ['src/inspect/a.ts', '../scenario/b.ts'],
    ['src/probe/a.ts', '../check/b.ts'],
    ['src/report/a.ts', '../cli/b.ts'],
    ['src/errors.ts', './memory/b.ts'],
    ['web/a.ts', '../src/cli/b.ts'],
  ])('%s may not import %s', (from, specifier) => {
    expect(importing(from, specifier)).toMatch(/^\S+:1: \S+ may not import \S+: \S+ is not below it/);
  });

  test.each([
    ['src/memory/a.ts', './b.ts'],
    ['src/memory/a.ts', '../errors.ts'],
    ['src/mmu/a.ts', '../memory/b.ts'],
    ['src/linux/arch/x86/mm/a.ts', '../../../../mmu/b.ts'],
    ['src/scenario/a.ts', '../linux/b.ts'],
    ['src/check/a.ts', '../scenario/b.ts'],
    ['src/inspect/a.ts', '../mmu/b.ts'],
    ['src/probe/a.ts', '../scenario/b.ts'],
    ['src/report/a.ts', '../inspect/b.ts'],
    ['src/cli/a.ts', '../report/b.ts'],
    ['src/cli/a.ts', '../../package.json'],
    ['web/a.ts', '../src/report/b.ts'],
    ['web/a.ts', './b.ts'],
  ])('%s may import %s', (from, specifier) => {
    expect(importing(from, specifier)).toBeUndefined();
  });

  test('the message names the file, the line and the rule', () => {
    const text = `import { a } from './b.ts';\n\nexport type { C } from '../linux/c.ts';\n`;
    expect(violations({ 'src/mmu/a.ts': text })).toEqual([
      'src/mmu/a.ts:3: mmu may not import ../linux/c.ts: linux is not below it, it may use memory',
    ]);
  });

  test('a file of src/ that is in no room is reported', () => {
    expect(violations({ 'src/utils/a.ts': '' })[0]).toMatch(/^src\/utils\/a.ts:1: in no room/);
    expect(violations({ 'src/index.ts': '' })[0]).toMatch(/^src\/index.ts:1: in no room/);
  });

  test('a room imports nothing from outside of src/', () => {
    expect(importing('src/mmu/a.ts', '../../tools/b.js')).toMatch(/tools\/b.js is in no room below it/);
    expect(importing('src/report/a.ts', '../../web/b.ts')).toMatch(/web\/b.ts is in no room below it/);
  });
});

describe('Node', () => {
  test.each(['src/memory/a.ts', 'src/linux/mm/a.ts', 'src/scenario/a.ts', 'src/report/a.ts', 'web/a.ts'])(
    '%s may import none of its modules, by any name',
    (from) => {
      for (const name of ['node:fs', 'fs', 'fs/promises', 'node:test']) {
        expect(importing(from, name)).toMatch(
          /may not import \S+: only cli, probe and memory\/sources use Node/,
        );
      }
    },
  );

  test.each(['src/cli/a.ts', 'src/probe/a.ts', 'src/memory/sources/a.ts'])(
    '%s may import its modules',
    (from) => {
      expect(importing(from, 'node:fs')).toBeUndefined();
      expect(importing(from, 'fs')).toBeUndefined();
    },
  );

  test('what imports Node is imported by what may import Node', () => {
    expect(importing('src/cli/a.ts', '../memory/sources/b.ts')).toBeUndefined();
    expect(importing('src/probe/a.ts', '../memory/sources/b.ts')).toBeUndefined();
    expect(importing('src/memory/sources/a.ts', './b.ts')).toBeUndefined();
    expect(importing('src/memory/sources/a.ts', '../b.ts')).toBeUndefined();
    expect(importing('src/memory/a.ts', './sources/b.ts')).toMatch(/memory\/sources is not below it/);
    expect(importing('src/inspect/a.ts', '../memory/sources/b.ts')).toMatch(
      /memory\/sources is not below it/,
    );
    expect(importing('web/a.ts', '../src/memory/sources/b.ts')).toMatch(/memory\/sources is not below it/);
  });
});

describe('packages', () => {
  test.each(['memory', 'mmu', 'linux', 'check', 'inspect', 'probe', 'report'])('%s uses none', (room) => {
    expect(importing(`src/${room}/a.ts`, 'acorn')).toMatch(/it uses no packages$/);
    expect(importing(`src/${room}/a.ts`, 'directmap/mmu')).toMatch(/it uses no packages$/);
  });

  test('scenario uses acorn and cli uses commander', () => {
    expect(importing('src/scenario/a.ts', 'acorn')).toBeUndefined();
    expect(importing('src/cli/a.ts', 'commander')).toBeUndefined();
    expect(importing('src/scenario/a.ts', 'commander')).toMatch(/of packages it uses acorn only$/);
    expect(importing('src/cli/a.ts', '@scope/name/file')).toMatch(/of packages it uses commander only$/);
  });
});

describe('every way to import', () => {
  test.each([
    `import '../linux/b.ts';`,
    `import type { B } from '../linux/b.ts';`,
    `export * from '../linux/b.ts';`,
    `const b = await import('../linux/b.ts');`,
    `const b = await import(\`../linux/b.ts\`);`,
    `let b: import('../linux/b.ts').B;`,
  ])('%s counts', (text) => {
    expect(violations({ 'src/mmu/a.ts': text })).toHaveLength(1);
  });

  test('a computed name cannot be checked, and is left to who may import Node', () => {
    const text = 'export const load = (name: string) => import(name);';
    expect(violations({ 'src/mmu/a.ts': text })[0]).toMatch(/may not import a computed name/);
    expect(violations({ 'src/cli/a.ts': text })).toEqual([]);
  });

  test('text that only looks like an import does not count', () => {
    expect(
      violations({ 'src/mmu/a.ts': `// import '../linux/b.ts';\nconst a = "import '../linux/b.ts'";` }),
    ).toEqual([]);
  });
});

describe('circles', () => {
  test('files that import each other are reported once, with the way round', () => {
    const files = {
      'src/mmu/a.ts': `\nimport { b } from './b.ts';`,
      'src/mmu/b.ts': `import { c } from './c.ts';`,
      'src/mmu/c.ts': `export { a } from './a.ts';`,
      'src/mmu/d.ts': `import { a } from './a.ts';`,
    };
    expect(violations(files)).toEqual([
      'src/mmu/a.ts:2: import cycle: src/mmu/a.ts -> src/mmu/b.ts -> src/mmu/c.ts -> src/mmu/a.ts',
    ]);
  });

  test('a file that imports itself is a circle', () => {
    expect(violations({ 'src/mmu/a.ts': `import './a.ts';` })).toEqual([
      'src/mmu/a.ts:1: import cycle: src/mmu/a.ts -> src/mmu/a.ts',
    ]);
  });

  test('the files that mirror the kernel may call one another', () => {
    const files = [
      { path: 'src/linux/a.ts', text: "import { b } from './b.ts';" },
      { path: 'src/linux/b.ts', text: "import { a } from './a.ts';" },
    ];
    expect(checkImports(files).violations).toEqual([]);
  });

  test('types alone make no circle, and neither does what is loaded later', () => {
    const a = `import { b } from './b.ts';`;
    expect(violations({ 'src/mmu/a.ts': a, 'src/mmu/b.ts': `import type { A } from './a.ts';` })).toEqual([]);
    expect(violations({ 'src/mmu/a.ts': a, 'src/mmu/b.ts': `export type { A } from './a.ts';` })).toEqual([]);
    expect(violations({ 'src/mmu/a.ts': a, 'src/mmu/b.ts': `const a = () => import('./a.ts');` })).toEqual(
      [],
    );
  });

  test('types beside values in one import do make a circle: the import stays at run time', () => {
    const files = {
      'src/mmu/a.ts': `import { b } from './b.ts';`,
      'src/mmu/b.ts': `import { type A } from './a.ts';`,
    };
    expect(violations(files)).toHaveLength(1);
  });
});
