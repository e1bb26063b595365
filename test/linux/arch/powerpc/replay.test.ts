import { describe, expect, it } from 'vitest';
import { POWERPC } from '../../../../src/linux/arch/powerpc/index.ts';
import { readPowerpcCore } from './powerpc.ts';
import { replay } from './replay.ts';

describe('the calls recorded on v6.12 with radix tables', () => {
  const { recorded, modelled } = replay(POWERPC, 'ppc64-6.12-p10', readPowerpcCore('ppc64-6.12-p10').memory);

  it('return and change what the model says, each of them', () => {
    expect(modelled).toEqual(recorded);
  });

  it('are calls on the linear map, which all fail, and on vmalloc, which all succeed', () => {
    expect(recorded).toHaveLength(15);
    expect(recorded.filter((line) => line.endsWith(': -22'))).toHaveLength(6);
    expect(recorded.filter((line) => line.includes('='))).toHaveLength(8);
  });
});
