import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Vmcoreinfo } from '../../src/memory/vmcoreinfo.ts';

const info = new Vmcoreinfo(
  [
    'OSRELEASE=6.12.107+deb13-s390x',
    'PAGESIZE=4096',
    'SYMBOL(swapper_pg_dir)=ffffffff82a10000',
    'LENGTH(mem_section)=1048576',
    'SIZE(page)=64',
    'OFFSET(zone.free_area)=256',
    'NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129',
    'NUMBER(VMALLOC_START)=0xc008000000000000',
    'NUMBER(phys_base)=0',
    'KERNELOFFSET=3ffe0000000',
    'SIZE(page)=128',
    '',
  ].join('\n'),
);

describe('Vmcoreinfo', () => {
  test('reads each kind of line as what the kernel writes there', () => {
    expect(info.release).toBe('6.12.107+deb13-s390x');
    expect(info.symbol('swapper_pg_dir')).toBe(0xffffffff82a10000n);
    expect(info.number('PAGE_BUDDY_MAPCOUNT_VALUE')).toBe(-129n);
    expect(info.number('VMALLOC_START')).toBe(0xc008000000000000n);
    expect(info.number('phys_base')).toBe(0n);
    expect(info.length('mem_section')).toBe(1048576);
    expect(info.offset('zone.free_area')).toBe(256);
    expect(info.kerneloffset).toBe(0x3ffe0000000n);
    expect(info.field('PAGESIZE')).toBe('4096');
  });

  test('believes the first of two lines with the same key', () => {
    expect(info.size('page')).toBe(64);
  });

  test('says undefined for what is not there', () => {
    const empty = new Vmcoreinfo('');
    expect(empty.release).toBeUndefined();
    expect(empty.kerneloffset).toBeUndefined();
    expect(empty.symbol('swapper_pg_dir')).toBeUndefined();
    expect(empty.number('phys_base')).toBeUndefined();
    expect(info.size('folio')).toBeUndefined();
    expect(info.field('constructor')).toBeUndefined();
  });

  test('says undefined for values that make no sense', () => {
    const broken = new Vmcoreinfo(
      [
        'SYMBOL(a)=',
        'SYMBOL(b)=12345678901234567',
        'SYMBOL(c)=-1',
        'NUMBER(a)=1e3',
        'NUMBER(b)=--1',
        `NUMBER(c)=${'9'.repeat(1e6)}`,
        'SIZE(a)=-8',
        'OFFSET(a)=0x10',
        'KERNELOFFSET=zero',
        'LENGTH(a',
        '=7',
      ].join('\n'),
    );
    for (const name of ['a', 'b', 'c']) {
      expect(broken.symbol(name)).toBeUndefined();
      expect(broken.number(name)).toBeUndefined();
    }
    expect(broken.size('a')).toBeUndefined();
    expect(broken.offset('a')).toBeUndefined();
    expect(broken.length('a')).toBeUndefined();
    expect(broken.kerneloffset).toBeUndefined();
  });

  test('reads its lines whatever lies between them', () => {
    const garbage = fc.string({ unit: 'binary' }).filter((text) => !text.includes('SYMBOL(jiffies)'));
    fc.assert(
      fc.property(garbage, garbage, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (before, after, address) => {
        const text = `${before}\nSYMBOL(jiffies)=${address.toString(16)}\n${after}`;
        expect(new Vmcoreinfo(text).symbol('jiffies')).toBe(address);
      }),
    );
  });
});
