import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/linux/kernel.ts';
import { choiceWords, parseChoices } from '../../src/scenario/choices.ts';
import { observationsOf, staleTranslations } from '../../src/scenario/observers.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { Recording } from '../../src/scenario/recording.ts';
import { runScenario } from '../../src/scenario/run.ts';
import { knownNames } from '../../src/scenario/script_calls.ts';
import { startMachine } from '../../src/scenario/start.ts';

const LARGE_NP = 'scenarios/thread/large-np-leaf.js';
const FILES = readdirSync('scenarios/thread')
  .filter((file) => file.endsWith('.js'))
  .map((file) => path.join('scenarios/thread', file));

function program(file: string) {
  return parseScenario(readFileSync(file, 'utf8'), file, knownNames());
}

function record(file: string, words: Parameters<typeof parseChoices>[0] = {}): Recording {
  const parsed = program(file);
  return new Recording(parsed, startMachine(parsed, {}), parseChoices(words, String));
}

function scriptOf(text: string) {
  return parseScenario(text, 'test.js', knownNames());
}

describe('a recording', () => {
  it('has the outcome of a plain run, for every scenario of the thread', () => {
    for (const file of FILES) {
      const parsed = program(file);
      expect(record(file).outcome, file).toEqual(runScenario(parsed, startMachine(parsed, {})));
    }
  });

  it('tells the split that is refused as a moment, with the number of its allocation', () => {
    const { moments } = record(LARGE_NP);
    const refused = moments.filter(({ kind }) => kind === 'refused');
    expect(refused).toMatchObject([{ step: 3, allocation: 2, address: '0xffff888004200000' }]);
  });

  it('goes to any moment: the entry of a write is as before it, and then as after it', () => {
    const recording = record(LARGE_NP);
    const writes = [...recording.moments.entries()].filter(([, { kind }]) => kind === 'write');
    expect(writes.length).toBeGreaterThan(0);
    for (const [number, { address }] of writes) {
      const word = (moments: number) => {
        const { kernel } = recording.seek(moments);
        const leaf = kernel.leafAt(Number(BigInt.asIntN(64, BigInt(address!))));
        return [leaf?.low, leaf?.high];
      };
      expect(word(number)).not.toEqual(word(number + 1));
    }
  });

  it.each(FILES.slice(0, 12))('ends where a plain run ends, after going to and fro: %s', (file) => {
    const recording = record(file);
    const { memory } = recording.kernel;
    const end = memory.hash;
    const middle = Math.floor(recording.moments.length / 2);
    const there = recording.seek(middle).kernel.memory.hash;
    recording.seek(0);
    expect(recording.seek(middle).kernel.memory.hash).toBe(there);
    expect(recording.seek(recording.moments.length).kernel.memory.hash).toBe(end);
  });

  it('knows who has a page, and until when', () => {
    const parsed = scriptOf('const page = alloc_pages(1);\n__free_pages(page, 1);\nalloc_pages(0);\n');
    const recording = new Recording(parsed, startMachine(parsed, {}));
    const freed = recording.moments.findIndex(({ kind }) => kind === 'freed');
    expect(recording.ownersAt(freed)).toMatchObject([{ text: 'pages of step 1: alloc_pages(1)' }]);
    expect(recording.ownersAt(freed + 1)).toEqual([]);
    expect(recording.ownersAt(recording.moments.length)).toHaveLength(1);
  });
});

describe('choices', () => {
  it('refuse an allocation that the script grants', () => {
    const parsed = scriptOf(
      "({ ram: '2G' });\nconst page = alloc_pages(9);\nset_memory_np(page_address(page), 1);\n",
    );
    const plain = new Recording(parsed, startMachine(parsed, {}));
    expect(plain.outcome.steps[1]?.returned).toBe('0');
    const table = plain.moments.find(({ step, kind }) => step === 2 && kind === 'allocated');
    const choices = parseChoices({ refuse: String(table?.allocation) }, String);
    expect(new Recording(parsed, startMachine(parsed, {}), choices).outcome.steps[1]?.returned).toBe(
      '-ENOMEM',
    );
  });

  it('stop a script that goes on with a page that it did not get', () => {
    const { outcome } = record(LARGE_NP, { refuse: '1' });
    expect(outcome).toMatchObject({ ended: 'stopped', steps: [{ returned: 'NULL' }] });
    expect(() => runScenario(program(LARGE_NP), startMachine(program(LARGE_NP), {}))).not.toThrow();
  });

  it('grant one that the script refuses', () => {
    expect(record(LARGE_NP, { grant: '2' }).outcome.steps[2]?.returned).toBe('0');
  });

  it('let the other CPU run at any step of an interleave()', () => {
    const parsed = scriptOf(
      "({ cpus: 2, ram: '2G' });\nconst page = alloc_pages(0);\ninterleave('', () => { set_memory_ro(page_address(page), 1); }, () => { set_memory_nx(page_address(page), 1); });\n",
    );
    const plain = new Recording(parsed, startMachine(parsed, {}));
    const { steps } = plain.outcome.interleavings[0]!;
    const turns = steps.slice(0, 3).map(({ cpu }) => cpu);
    const choices = parseChoices({ schedules: [[...turns, 1].join(' ')] }, String);
    const other = new Recording(parsed, startMachine(parsed, {}), choices).outcome.interleavings[0]!;
    expect(other.steps.slice(0, 4).map(({ cpu }) => cpu)).toEqual([...turns, 1]);
  });

  it('are the same after being written down and read', () => {
    const words = { refuse: '2,30', grant: '4', schedules: ['', '0*3 1'] };
    expect(choiceWords(parseChoices(words, String))).toEqual(words);
  });

  it.each([
    [{ refuse: '0' }, 'refuse: allocation: found "0", expected numbers from 1 to 10000000'],
    [{ refuse: 'x' }, 'refuse: allocation: found "x"'],
    [{ refuse: '3', grant: '3' }, 'refuse: allocation: found 3, which is also to be granted'],
  ])('that make no sense are refused: %j', (words, message) => {
    expect(() => parseChoices(words, String)).toThrow(message);
  });
});

describe('observers of an address', () => {
  const large = () => {
    const recording = record(LARGE_NP);
    const at = recording.moments.findLastIndex(({ kind, step }) => kind === 'return' && step === 2) + 1;
    return recording.seek(at).kernel;
  };
  const said = (kernel: Kernel, page: number) =>
    Object.fromEntries(observationsOf(kernel, page).map(({ observer, says }) => [observer, says]));

  it('are told of the tables, the predicate, ptdump and the counters', () => {
    const kernel = large();
    expect(said(kernel, kernel.page_address(0x4205))).toMatchObject({
      'hardware, by the tables': 'a fault',
      'kernel_page_present()': 'false',
      'ptdump_walk_pgd()': 'ends at PMD',
    });
    expect(said(kernel, kernel.page_address(0x4400))).toMatchObject({
      'hardware, by the tables': '2M rw nx',
      'kernel_page_present()': 'true',
    });
  });

  it('include a CPU whose TLB holds what the tables no longer have', () => {
    const parsed = scriptOf(
      'const page = alloc_pages(0);\nset_memory_4k(page_address(page), 1);\nwrite_page(page);\nset_direct_map_invalid_noflush(page);\n',
    );
    const recording = new Recording(parsed, startMachine(parsed, {}));
    const { kernel } = recording.seek(recording.moments.length);
    const [stale] = staleTranslations(kernel);
    expect(stale).toMatchObject({ cpu: 0, says: 'writable', tables: 'not present' });
    expect(said(kernel, stale!.page)['TLB of CPU 0']).toMatch(/rw nx, stale$/);
  });

  it('do not ask the kernel while a lock is held that it might want', () => {
    const recording = record(LARGE_NP);
    const at =
      recording.moments.findIndex(({ kind, text }) => kind === 'lock' && text.includes('cpa_lock')) + 1;
    const { kernel } = recording.seek(at);
    expect(said(kernel, kernel.page_address(0x4205))['kernel_page_present()']).toBe(
      'not asked while cpa_lock is held',
    );
  });
});
