import { describe, expect, it } from 'vitest';
import { PRESETS } from '../../src/linux/kernels.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { targetsOf } from '../../src/scenario/targets.ts';

const targets = (header: string) =>
  targetsOf(parseScenario(`(${header});`, 's.js')).map(({ arch, kernel, boot }) =>
    [arch.name, kernel, boot].filter((part) => part !== undefined).join(' '),
  );

describe('where a script runs', () => {
  it('is its header’s machine', () => {
    expect(targets("{ kernel: 'v6.1' }")).toEqual(['x86_64 v6.1']);
  });

  it('is more if it says so', () => {
    expect(
      targets("{ kernel: 'v6.1', runs_on: ['amd64 v5.10 v7.2+cpa-collapse: nogbpages debug_pagealloc=on'] }"),
    ).toEqual([
      'x86_64 v6.1',
      'x86_64 v5.10.223 nogbpages debug_pagealloc=on',
      'x86_64 v7.2.13+cpa-collapse nogbpages debug_pagealloc=on',
    ]);
    expect(targets("{ runs_on: ['x86_64 all'] }")).toHaveLength(1 + PRESETS.length);
  });

  it.each([
    ["{ runs_on: ['x86_64'] }", /s\.js:1:14: part of runs_on: found x86_64, expected ARCH KERNEL/],
    ["{ runs_on: ['vax all'] }", /s\.js:1:14: unknown architecture "vax"/],
    ["{ runs_on: ['x86_64 v9'] }", /s\.js:1:14: unknown kernel "v9"/],
    ["{ runs_on: 'x86_64' }", /s\.js:1:13: runs_on: found/],
  ])('is refused with its place: %s', (header, message) => {
    expect(() => targets(header)).toThrow(message);
  });
});
