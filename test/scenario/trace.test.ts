import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { parseTrace } from '../../src/scenario/trace.ts';

const HEADER = {
  format: 'directmap-trace/1',
  arch: 'x86_64',
  kernel: '6.1.192',
  cmdline: 'nokaslr',
  core: 'x.core.gz',
  root: '0x2a10000',
  levels: 4,
  pageSize: 4096,
  pageOffset: '0xffff888000000000',
  physOffset: '0x0',
  ram: [['0x1000', '0x9fbff']],
  tracked: [['0xffff888000000000', '0xffff8c7fffffffff']],
};

const CALL = {
  i: 0,
  call: 'set_memory_np',
  args: { addr: '0xffff888102000000', pages: 512 },
  refuse: [1],
  refused: [],
  ret: -12,
  changed: [[2, '0x1003a4000', '0xffff888102000000', 16, 2, '0x1e3', '2097152', '0x62', '-2097152']],
  added: [{ table: '0x101cf8000', level: 1, va: '0xffff888102000000', runs: [[0, 512, '0x163', '4096']] }],
  removed: ['0x101cf9000'],
  directPages: [
    [0, 1, 2, 3, 0],
    [0, 513, 1, 3, 0],
  ],
};

function text(...lines: unknown[]): string {
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

describe('parseTrace', () => {
  it('reads a header and a call', () => {
    const { header, calls } = parseTrace(text(HEADER, CALL), 't');
    expect(header.root).toBe(0x2a10000n);
    expect(header.pageOffset).toBe(0xffff888000000000n);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ call: 'set_memory_np', ret: -12, refuse: [1], allocations: undefined });
    expect(calls[0]?.args).toEqual({ addr: 0xffff888102000000n, pages: 512n });
    expect(calls[0]?.changed[0]).toMatchObject({ level: 2, count: 2, afterStride: -2097152n });
    expect(calls[0]?.added[0]?.runs[0]).toEqual({ index: 0, count: 512, first: 0x163n, stride: 4096n });
    expect(calls[0]?.removed).toEqual([0x101cf9000n]);
  });

  it('reads every recording in the test data', () => {
    const path = new URL('../data/traces/x86_64-7.2-debian.jsonl.gz', import.meta.url);
    expect(parseTrace(gunzipSync(readFileSync(path)).toString(), 't').calls).toHaveLength(230);
  });

  const mistakes: [string, string, string][] = [
    ['an empty file', '', 't: the trace: found "", expected a header line'],
    ['a line that is not JSON', '{"a":', 't:1: a line: found "{\\"a\\":", expected JSON'],
    ['a header that is a list', '[]', 't:1: a line: found [], expected a JSON object'],
    [
      'another format',
      text({ ...HEADER, format: 'x' }),
      't:1: "format": found "x", expected directmap-trace/1',
    ],
    ['a missing field', text({ ...HEADER, root: undefined }), 't:1: "root": a value: found nothing'],
    ['a call without a name', text(HEADER, { ...CALL, call: 3 }), 't:2: "call": found 3, expected a string'],
    ['a run that is too short', text(HEADER, { ...CALL, changed: [[1, 2]] }), 't:2: "changed": found [1,2]'],
    ['an argument that is no number', text(HEADER, { ...CALL, args: { addr: 'x' } }), 't:2: "args.addr"'],
  ];
  it.each(mistakes)('tells the line of %s', (_name, input, message) => {
    expect(() => parseTrace(input, 't')).toThrow(InputError);
    expect(() => parseTrace(input, 't')).toThrow(message);
  });

  it('throws nothing but InputError, whatever the text', () => {
    const mutated = fc.tuple(fc.json(), fc.nat(), fc.nat(60)).map(([json, at, cut]) => {
      const whole = text(HEADER, CALL);
      const place = at % whole.length;
      return whole.slice(0, place) + json + whole.slice(place + cut);
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), mutated), (input) => {
        try {
          parseTrace(input, 't');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
