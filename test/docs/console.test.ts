/**
 * The console blocks of the documentation are run, and must print what they show. A block that starts with "..." after
 * its command shows the end only. UPDATE_DOCS=1 writes what the commands print into the files.
 */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BLOCK = /^```console\n\$ (.*)\n([\s\S]*?)^```$/gm;
const FILES = ['README.md', ...readdirSync(`${ROOT}docs`).map((name) => `docs/${name}`)].filter(
  (file) => file.endsWith('.md') && readFileSync(ROOT + file, 'utf8').search(BLOCK) >= 0,
);

/** What the command prints, errors included, as a shell would show it. */
function output(command: string): string {
  const env = { ...process.env, NO_COLOR: '1', npm_config_loglevel: 'silent' };
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: ROOT, encoding: 'utf8', env });
  const npmNoise = /^(npm warn .*|> .*|)\n/gm;
  return command.startsWith('npm') ? stdout.replaceAll(npmNoise, '') : stdout + stderr;
}

describe.each(FILES)('%s', (file) => {
  const text = readFileSync(ROOT + file, 'utf8');
  const blocks = [...text.matchAll(BLOCK)];
  let updated = text;

  it.each(blocks.map(([, command = '', shown = '']) => ({ command, shown })))(
    'shows what $command prints',
    ({ command, shown }) => {
      const printed = output(command);
      if (process.env.UPDATE_DOCS !== undefined && !shown.startsWith('...')) {
        updated = updated.replace(`$ ${command}\n${shown}\`\`\``, () => `$ ${command}\n${printed}\`\`\``);
        writeFileSync(ROOT + file, updated);
      } else if (shown.startsWith('...\n')) expect(printed.endsWith(shown.slice(4))).toBe(true);
      else expect(printed).toBe(shown);
    },
  );
});

const EXAMPLE = /```js\n(import [\s\S]*?)```\n\n```\n([\s\S]*?)```/;

describe.each(FILES.filter((file) => EXAMPLE.test(readFileSync(ROOT + file, 'utf8'))))(
  'the library example of %s',
  (file) => {
    it('prints what is shown below it', () => {
      const [, code = '', shown = ''] = EXAMPLE.exec(readFileSync(ROOT + file, 'utf8')) ?? [];
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect(stdout + stderr).toBe(shown);
    });
  },
);

it('README.md shows the scenario file as it is', () => {
  const script = readFileSync(`${ROOT}scenarios/thread/large-np-leaf.js`, 'utf8').replace(/^(\/\/.*\n)+/, '');
  expect(readFileSync(`${ROOT}README.md`, 'utf8')).toContain(`\`\`\`js\n${script}\`\`\``);
});
