import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directmap, expectMessage, ROOT, SCRATCH, scratch } from './directmap.ts';

const CLAIMS = ['no-large-np-leaf', 'cpa-updates-are-not-lost'];
const KERNELS = 'v5.10,v7.2';
const RUN = ['check', ...CLAIMS, '--kernel', KERNELS];
/** What one run on one machine prints. */
const WHOLE = directmap(...RUN);

function timeless(text: string) {
  return JSON.parse(text, (key, value) => (key === 'seconds' ? undefined : value));
}

function runShard(index: number, of: number, ...args: string[]): string {
  const path = join(SCRATCH, `${index}-${of}-${args.length}.json`);
  const shard = ['--shard', `${index}/${of}`, '--json', '--output', path];
  const { stderr } = directmap(...(args.length > 0 ? args : RUN), ...shard);
  expect(stderr).toBe('');
  return path;
}

describe('directmap merge', () => {
  const paths = [1, 2, 3].map((index) => runShard(index, 3));

  it('of all shards prints what one run prints, as text and as JSON, with its exit status', () => {
    expect(directmap('merge', ...paths.toReversed())).toEqual(WHOLE);
    const [merged, whole] = [directmap('merge', ...paths, '--json'), directmap(...RUN, '--json')];
    expect(timeless(merged.stdout)).toEqual(timeless(whole.stdout));
    expect(merged.status).toBe(1);
  });

  it('writes to a file, too', () => {
    const path = join(SCRATCH, 'merged.json');
    directmap('merge', ...paths, '--json', '--output', path);
    expect(directmap('merge', path).stdout).toBe(WHOLE.stdout);
  });

  it('of shards of which one is missing names it', () => {
    expectMessage(directmap('merge', paths[0]!, paths[2]!), 2, 'shard 2/3 is missing: 2 of 3 were given');
  });

  it('of a shard given twice names both files', () => {
    const copy = scratch('copy.json', readFileSync(paths[0]!));
    expectMessage(
      directmap('merge', ...paths, copy),
      2,
      `${copy}: results: found shard 1/3 again`,
      paths[0]!,
    );
  });

  it('of shards of different runs names the one that does not fit', () => {
    const other = runShard(2, 3, 'check', CLAIMS[0]!);
    expectMessage(directmap('merge', paths[0]!, other, paths[2]!), 2, other, 'a shard of another run');
  });

  it('of what is no result names the file', () => {
    expectMessage(directmap('merge', scratch('cut.json', '{"schema":')), 2, 'cut.json', 'cut off');
    expectMessage(directmap('merge', 'no/such.json'), 2, 'no/such.json', 'ENOENT');
  });

  it('takes a shard that had nothing to do', () => {
    const run = ['check', CLAIMS[0]!];
    const many = [1, 2].map((index) => runShard(index, 2, ...run));
    expect(timeless(readFileSync(many[1]!, 'utf8')).results).toEqual([]);
    expect(directmap('merge', ...many).stdout).toBe(directmap(...run).stdout);
  });
});

/** The shell commands of a file: the blocks under `key: |`, without their indentation. */
function shellBlocks(file: string): string[] {
  const text = readFileSync(`${ROOT}docs/recipes/${file}`, 'utf8');
  if (file.endsWith('.sh')) return [text];
  const blocks = [...text.matchAll(/^( *)-(?: run:)? \|\n((?:\1 {2}.*\n)+)/gm)];
  return blocks.map(([, , block = '']) =>
    block.replaceAll(new RegExp(`^${/^ */.exec(block)?.[0]}`, 'gm'), ''),
  );
}

describe('the recipes', () => {
  const settings = { SHARDS: '2', CLAIMS: CLAIMS.join(' '), KERNELS };
  const recipes: [string, (index: number) => Record<string, string>][] = [
    ['kubernetes-job.yaml', (index) => ({ JOB_COMPLETION_INDEX: String(index) })],
    ['slurm.sh', (index) => ({ SLURM_ARRAY_TASK_ID: String(index + 1), SLURM_ARRAY_TASK_COUNT: '2' })],
    ['ci-matrix.yml', (index) => ({ SHARD: String(index + 1) })],
  ];

  it.each(recipes)(
    '%s: its shards together are one run, and a refutation is no failure',
    (file, variables) => {
      const results = mkdtempSync(join(SCRATCH, 'recipe-'));
      const [command = ''] = shellBlocks(file);
      expect(command).toContain('directmap check');
      for (const index of [0, 1]) {
        const PATH = `${ROOT}bin:${process.env.PATH}`;
        const env = { ...process.env, PATH, RESULTS: results, ...settings, ...variables(index) };
        const { status, stderr } = spawnSync('bash', ['-c', command], { env, encoding: 'utf8' });
        expect(stderr).toBe('');
        expect(status).toBe(0);
      }
      const files = readdirSync(results).map((name) => join(results, name));
      expect(directmap('merge', ...files).stdout).toBe(WHOLE.stdout);
    },
  );

  it.each(recipes)('%s: bad input is a failure', (file, variables) => {
    const PATH = `${ROOT}bin:${process.env.PATH}`;
    const env = {
      ...process.env,
      PATH,
      RESULTS: SCRATCH,
      ...settings,
      ...variables(0),
      CLAIMS: 'no-such-claim',
    };
    const { status } = spawnSync('bash', ['-c', shellBlocks(file)[0]!], { env, encoding: 'utf8' });
    expect(status).not.toBe(0);
  });
});
