import { describe, expect, it } from 'vitest';
import { memtype_free, memtype_reserve } from '../../../../../../src/linux/arch/x86/mm/pat/memtype.ts';
import { EBUSY, EINVAL } from '../../../../../../src/linux/errno.ts';
import { bootMachine } from '../../../../../support/machines.ts';

const PAGE = 4096;
/** In the hole below 4G, where there is no RAM. */
const HOLE = 0xc000_0000;

describe('memory types of what is not RAM', () => {
  it('may be reserved twice alike, and then must be given back twice', () => {
    const k = bootMachine('v7.2', { ram: '4G' });
    expect(memtype_reserve(k, HOLE, HOLE + 4 * PAGE, 'UC-')).toBe(0);
    expect(memtype_reserve(k, HOLE, HOLE + 4 * PAGE, 'UC-')).toBe(0);
    expect(memtype_free(k, HOLE, HOLE + 4 * PAGE)).toBe(0);
    expect(memtype_reserve(k, HOLE + PAGE, HOLE + 2 * PAGE, 'WC')).toBe(-EBUSY);
    expect(memtype_free(k, HOLE, HOLE + 4 * PAGE)).toBe(0);
    expect(memtype_reserve(k, HOLE + PAGE, HOLE + 2 * PAGE, 'WC')).toBe(0);
  });

  it.each([
    ['v6.12', 0, 0],
    ['v7.2', -EINVAL, -EBUSY],
  ])('are cut short from the end only up to v6.12 (%s)', (kernel, freed, reserved) => {
    const k = bootMachine(kernel, { ram: '4G' });
    memtype_reserve(k, HOLE, HOLE + 4 * PAGE, 'UC-');
    expect(memtype_free(k, HOLE + 2 * PAGE, HOLE + 4 * PAGE)).toBe(freed);
    expect(memtype_reserve(k, HOLE + 2 * PAGE, HOLE + 4 * PAGE, 'WC')).toBe(reserved);
  });

  it('are undone with everything else', () => {
    const k = bootMachine('v6.1', { ram: '4G' });
    const mark = k.mark();
    memtype_reserve(k, HOLE, HOLE + PAGE, 'WC');
    memtype_reserve(k, 2 ** 24, 2 ** 24 + PAGE, 'WC');
    k.undo(mark);
    expect(memtype_reserve(k, HOLE, HOLE + PAGE, 'UC-')).toBe(0);
    expect(memtype_reserve(k, 2 ** 24, 2 ** 24 + PAGE, 'UC-')).toBe(0);
  });
});

describe('memory types of RAM', () => {
  it('are refused for a range that becomes RAM, and not for one that ceases to be', () => {
    const k = bootMachine('v6.1', { ram: '4G' });
    expect(memtype_reserve(k, 0xa_0000, 0x10_2000, 'UC-')).toBe(-EINVAL);
    expect(memtype_reserve(k, 0xbffd_f000, 0xbffe_1000, 'UC-')).toBe(0);
  });

  it('are not tracked in the ISA range', () => {
    const k = bootMachine('v6.1');
    expect(memtype_reserve(k, 0xa_0000, 0xb_0000, 'UC-')).toBe(0);
    expect(memtype_reserve(k, 0xa_0000, 0xb_0000, 'WC')).toBe(0);
  });

  it('are per page, and all or nothing', () => {
    const k = bootMachine('v6.1');
    expect(memtype_reserve(k, 2 ** 25, 2 ** 25 + PAGE, 'WC')).toBe(0);
    expect(memtype_reserve(k, 2 ** 25 - PAGE, 2 ** 25 + PAGE, 'UC-')).toBe(-EBUSY);
    expect(memtype_reserve(k, 2 ** 25 - PAGE, 2 ** 25, 'UC-')).toBe(0);
  });
});
