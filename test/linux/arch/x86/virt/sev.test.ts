import { describe, expect, it } from 'vitest';
import { rmp_make_private, rmp_make_shared } from '../../../../../src/linux/arch/x86/virt/svm/sev.ts';
import { EINVAL, ENODEV, ENOMEM } from '../../../../../src/linux/errno.ts';
import { write_page } from '../../../../../src/linux/mm/access.ts';
import { call, refuseAll, watch } from '../../../../support/calls.ts';
import { leaf, smallX86 } from '../../../../support/small_x86.ts';

const features = { snp_host: true };
const PAGE = 0x2000;

describe.each(['v6.12', 'v7.2'])('a host of SEV-SNP guests, %s', (kernel) => {
  it("splits the leaf of a page before it becomes a guest's, so that its neighbours can be written (S53)", () => {
    const k = smallX86({ kernel, features });
    expect(call(rmp_make_private(k, PAGE))).toBe(0);
    expect(leaf(k, PAGE)).toBe('4K P RW');
    expect(watch(k, write_page(k, PAGE + 1)).died).toBeUndefined();
    expect(watch(k, write_page(k, PAGE)).died).toMatch(/^RMP violation: the page is a guest's/);
  });

  it('refuses the page when the leaf cannot be split, and dies of a neighbour without the split (S53)', () => {
    const k = smallX86({ kernel, features });
    expect(call(rmp_make_private(k, PAGE), refuseAll)).toBe(-ENOMEM);
    expect(watch(k, write_page(k, PAGE)).died).toBeUndefined();
    const careless = smallX86({ kernel: `${kernel}~snp-adjusts-direct-map`, features });
    expect(call(rmp_make_private(careless, PAGE), refuseAll)).toBe(0);
    expect(watch(careless, write_page(careless, PAGE + 1)).died).toMatch(/the leaf has a page beside it/);
  });

  it('leaves the leaf alone for a whole 2M, and gives it back', () => {
    const k = smallX86({ kernel, features });
    expect(call(rmp_make_private(k, PAGE + 1, 2))).toBe(-EINVAL);
    expect([call(rmp_make_private(k, PAGE, 2), refuseAll), leaf(k, PAGE)]).toEqual([0, '2M P RW']);
    expect(rmp_make_shared(k, PAGE, 2)).toBe(0);
    expect(watch(k, write_page(k, PAGE)).died).toBeUndefined();
  });

  it('is only where the machine can be one', () => {
    const k = smallX86({ kernel });
    expect([call(rmp_make_private(k, PAGE)), rmp_make_shared(k, PAGE)]).toEqual([-ENODEV, -ENODEV]);
  });
});
