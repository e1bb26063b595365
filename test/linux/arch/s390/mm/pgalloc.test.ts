import { describe, expect, test } from 'vitest';
import { set_memory_4k } from '../../../../../src/linux/arch/s390/mm/pageattr.ts';
import {
  page_table_free,
  vmem_crst_alloc,
  vmem_pte_alloc,
} from '../../../../../src/linux/arch/s390/mm/pgalloc.ts';
import { ENOMEM } from '../../../../../src/linux/errno.ts';
import { NR_PAGETABLE } from '../../../../../src/linux/kernel.ts';
import { call, MIB, refuseFrom, s390 } from '../../../../support/s390_machines.ts';

const purpose = (address: number) => ({ level: 1, address });
const M = 40 * MIB;

describe.each(['v5.10', 'v6.1'])('page tables of %s', (version) => {
  test('come in pairs: the second costs no page, and cannot be refused', () => {
    const k = s390(version);
    const held = k.frames.book!.heldFrames().length;
    const first = call(vmem_pte_alloc(k, purpose(0)))!;
    expect(first % 4096).toBe(0);
    expect(call(vmem_pte_alloc(k, purpose(MIB)), refuseFrom(1))).toBe(first + 2048);
    expect(k.frames.book!.heldFrames().length).toBe(held + 1);
    expect(k.vm_events.get(NR_PAGETABLE)).toBe(1);
    expect(call(vmem_pte_alloc(k, purpose(2 * MIB)), refuseFrom(1))).toBeUndefined();
  });

  test('so that every other split works without memory', () => {
    const k = s390(version);
    expect(call(k.set_memory_ro(M, 1), refuseFrom(2))).toBe(0);
    expect(call(k.set_memory_ro(M + MIB, 1), refuseFrom(1))).toBe(0);
    expect(call(k.set_memory_ro(M + 2 * MIB, 1), refuseFrom(1))).toBe(-ENOMEM);
  });

  test('give their page back with the second', () => {
    const k = s390(version);
    const held = k.frames.book!.heldFrames().length;
    const [a, b] = [call(vmem_pte_alloc(k, purpose(0)))!, call(vmem_pte_alloc(k, purpose(MIB)))!];
    call(page_table_free(k, a));
    expect(k.frames.book!.heldFrames().length).toBe(held + 1);
    expect(call(vmem_pte_alloc(k, purpose(0)), refuseFrom(1))).toBe(a);
    call(page_table_free(k, b));
    call(page_table_free(k, a));
    expect(k.frames.book!.heldFrames().length).toBe(held);
    expect(k.vm_events.get(NR_PAGETABLE)).toBe(0);
  });

  test('are state that an undo takes back and that tells states apart', () => {
    const k = s390(version);
    const list = () => k.hiddenState.find(({ name }) => name === 'tables')!.text();
    const before = list();
    const mark = k.mark();
    call(vmem_pte_alloc(k, purpose(0)));
    expect(list()).not.toBe(before);
    k.undo(mark);
    expect(list()).toBe(before);
  });
});

describe.each(['v6.12', 'v7.2'])('page tables of %s', (version) => {
  test('have a page each', () => {
    const k = s390(version);
    const held = k.frames.book!.heldFrames().length;
    const [a, b] = [call(vmem_pte_alloc(k, purpose(0)))!, call(vmem_pte_alloc(k, purpose(MIB)))!];
    expect([a % 4096, b % 4096]).toEqual([0, 0]);
    expect(k.frames.book!.heldFrames().length).toBe(held + 2);
    expect(call(vmem_pte_alloc(k, purpose(0)), refuseFrom(1))).toBeUndefined();
    call(page_table_free(k, a));
    expect(k.frames.book!.heldFrames().length).toBe(held + 1);
  });
});

describe('a table', () => {
  test('is empty when it is made, each level by its own value', () => {
    const k = s390('v7.2');
    const table = call(vmem_crst_alloc(k, { level: 2, address: 0 }))!;
    expect(table % (4 * 4096)).toBe(0);
    for (const i of [0, 1, 2047]) expect(k.memory.word(table + i * 8)).toBe(0x20n);
    const third = call(vmem_crst_alloc(k, { level: 3, address: 0 }))!;
    expect(k.memory.word(third + 2047 * 8)).toBe(0x24n);
    const pages = call(vmem_pte_alloc(k, purpose(0)))!;
    expect([k.memory.word(pages), k.memory.word(pages + 255 * 8), k.memory.word(pages + 256 * 8)]).toEqual([
      0x400n,
      0x400n,
      0n,
    ]);
  });

  test('fits into one page in a small geometry', () => {
    const k = s390('v7.2', { index_bits: 2, ram: 64 * 4096, features: {} });
    const orders: number[] = [];
    call(set_memory_4k(k, 16 * 4096, 1), ({ order }) => {
      orders.push(order);
      return true;
    });
    expect(orders).toEqual([0, 0]);
  });
});
