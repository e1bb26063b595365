import { describe, expect, it } from 'vitest';
import { LOONGARCH } from '../../../../src/linux/arch/loongarch/index.ts';
import { readTinyCore } from '../../../support/tiny_core.ts';
import { replay } from '../powerpc/replay.ts';

/** The memory map of the recorded kernel, in which a struct page has 64 bytes: page 0x90000000073f0000 is 0xfffffebffe073f00. */
const VMEMMAP = 0xfffffebffe073f00n - (0x73f0000n / 16384n) * 64n;
const pfnOf = (page: bigint) => Number((page - VMEMMAP) / 64n);

describe('the calls recorded on v7.2', () => {
  const { memory } = readTinyCore('loong64-7.2');
  const { recorded, modelled } = replay(LOONGARCH, 'loong64-7.2', memory, pfnOf);

  it('return and change what the model says, each of them', () => {
    expect(modelled).toEqual(recorded);
  });

  it('change nothing in the direct map, and PTEs in vmalloc', () => {
    expect(recorded).toHaveLength(15);
    expect(recorded.filter((line) => line.includes('='))).toHaveLength(7);
  });
});
