import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../src/errors.ts';
import { hasBigEndianTables } from '../../src/memory/elf_machine.ts';
import { FrameWords } from '../../src/memory/frame_words.ts';
import { type Conformance, Conformer } from '../../src/scenario/conform.ts';
import { parseTrace, type Trace } from '../../src/scenario/trace.ts';
import { openCore } from '../support/open_core.ts';

const DATA = fileURLToPath(new URL('../data/', import.meta.url));
const TRACES = readdirSync(`${DATA}traces`);

function readTrace(name: string): Trace {
  return parseTrace(gunzipSync(readFileSync(`${DATA}traces/${name}`)).toString(), name);
}

function conform(trace: Trace, stopAtFirst = false): Conformance {
  const core = openCore(`${DATA}cores/${trace.header.core}`);
  const tables = new FrameWords(core, core.littleEndian && !hasBigEndianTables(core.machine));
  return new Conformer(trace, tables, { stopAtFirst }).run();
}

/**
 * Under debug_pagealloc a new table lies in a 4K leaf, which the CPU marks as it fills the table. KFENCE opens and closes its
 * pages as its objects come and go.
 */
function toleratedIn({ header }: Trace): string[] {
  const words: [word: string, rule: string][] = [
    ['debug_pagealloc=on', 'set by the hardware'],
    ['kfence.sample_interval=', "KFENCE's objects"],
  ];
  return words.filter(([word]) => header.cmdline.includes(word)).map(([, rule]) => rule);
}

describe('the model and recordings of real kernels', () => {
  it.each(TRACES)('agree on every value, entry, allocation and counter of %s', (name) => {
    const trace = readTrace(name);
    const result = conform(trace);
    expect(result.differences).toEqual([]);
    expect(result.stopped).toBeUndefined();
    expect(result.calls + result.applied).toBe(trace.calls.length);
    expect(result.entries).toBeGreaterThan(0);
    expect(toleratedIn(trace)).toEqual(expect.arrayContaining([...result.accepted.keys()]));
  });
});

describe('a recording with a lie in it', () => {
  const NAME = 'x86_64-6.1-debian.jsonl.gz';
  const SPLIT = readTrace(NAME).calls.findIndex((call) => call.added.length > 0);

  function lie(change: (trace: Trace) => void): Conformance {
    const trace = readTrace(NAME);
    change(trace);
    return conform(trace, true);
  }

  it('is caught by its returned value', () => {
    const { differences } = lie((trace) => {
      trace.calls[SPLIT]!.ret = -5;
    });
    expect(differences).toEqual([
      expect.objectContaining({ call: SPLIT, what: 'return value', expected: '-EIO', found: '0' }),
    ]);
  });

  it('is caught by one bit of one entry', () => {
    const { differences } = lie((trace) => {
      trace.calls[SPLIT]!.added[0]!.runs[0]!.first ^= 2n;
    });
    expect(differences[0]?.what).toMatch(/^PTE 0xffff888[0-9a-f]{9} after$/);
    expect(differences[0]?.expected).not.toBe(differences[0]?.found);
  });

  it('is caught by a change that it does not mention', () => {
    const { differences } = lie((trace) => {
      trace.calls[1]!.changed = [];
    });
    expect(differences[0]?.expected).toMatch(/^unchanged 0x/);
  });

  it('is caught by an allocation too many', () => {
    const { differences } = lie((trace) => {
      trace.calls[SPLIT]!.allocations = 2;
    });
    expect(differences).toEqual([
      expect.objectContaining({ what: 'allocations', expected: '2', found: '1' }),
    ]);
  });

  it('is caught by a counter', () => {
    const { differences } = lie((trace) => {
      trace.calls[SPLIT]!.directPages![1]![1]! += 1;
    });
    expect(differences[0]?.what).toBe('direct_pages_count');
  });

  it('stops at the first difference if asked to', () => {
    const result = lie((trace) => {
      for (const call of trace.calls) call.ret = 99;
    });
    expect(result.calls).toBe(1);
  });
});

describe('a recording of something else', () => {
  it('is refused by architecture', () => {
    const trace = readTrace('x86_64-6.1-debian.jsonl.gz');
    trace.header.arch = 'alpha';
    expect(() => conform(trace)).toThrow(NotModelledError);
  });

  it('is replayed up to a function that the model does not have', () => {
    const trace = readTrace('x86_64-6.1-debian.jsonl.gz');
    trace.calls[3]!.call = 'set_memory_sideways';
    const { calls, differences, stopped } = conform(trace);
    expect(stopped).toEqual({
      call: 3,
      because: expect.stringContaining('not modelled: call set_memory_sideways'),
    });
    expect([calls, differences]).toEqual([3, []]);
  });
});
