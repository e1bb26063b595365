import { describe, expect, test } from 'vitest';
import type { RegionName } from '../../../src/inspect/address_space.ts';
import { sectionsOf } from '../../../src/inspect/ptdump/areas.ts';

/** The names of what comes behind each marker, if there is a line between any two. */
function names(...markers: string[]): RegionName[] {
  const sections = sectionsOf(
    markers.map((name, index) => ({ name, line: index + 1 })),
    'other',
  );
  return sections.slice(1).map(({ name }) => name);
}

describe('markers', () => {
  test('of x86 begin areas that the next one ends', () => {
    expect(
      names(
        'User Space',
        'Kernel Space',
        'LDT remap',
        'Low Kernel Mapping',
        'vmalloc() Area',
        'Vmemmap',
        'KASAN shadow',
        'KASAN shadow end',
        'CPU entry Area',
        'ESPfix Area',
        'EFI Runtime Services',
        'High Kernel Mapping',
        'Modules',
        'End Modules',
        'Fixmap Area',
      ),
    ).toEqual([
      'other',
      'other',
      'other',
      'direct map',
      'vmalloc',
      'vmemmap',
      'KASAN shadow',
      'other',
      'other',
      'espfix',
      'EFI',
      'kernel image',
      'modules',
      'other',
      'fixmap',
    ]);
  });

  test('of arm64 and riscv64 begin and end areas', () => {
    expect(
      names(
        'Linear Mapping start',
        'Linear Mapping end',
        'Kasan shadow start',
        'Kasan shadow end',
        'BPF start',
        'BPF end',
        'Modules start',
        'Modules end',
        'vmalloc() area',
        'vmalloc() end',
        'PCI I/O start',
        'PCI I/O end',
        'Linear mapping',
        'Modules/BPF mapping',
        'Kernel mapping',
      ),
    ).toEqual([
      'direct map',
      'other',
      'KASAN shadow',
      'other',
      'other',
      'other',
      'modules',
      'other',
      'vmalloc',
      'other',
      'I/O',
      'other',
      'direct map',
      'modules',
      'kernel image',
    ]);
  });

  test('of s390x have areas within others, which belong to these', () => {
    expect(
      names(
        'Kernel Virtual Address Space',
        'Identity Mapping Start',
        'Lowcore Start',
        'Lowcore End',
        'KFence Pool Start',
        'KFence Pool End',
        'Identity Mapping End',
        'Real Memory Copy Area Start',
        'Real Memory Copy Area End',
        'Kmsan vmalloc Shadow Start',
        'Kmsan vmalloc Shadow End',
        'vmemmap Area Start',
        'vmemmap Area End',
        'Kernel Image Start',
        'Kernel Image End',
      ),
    ).toEqual([
      'other',
      'direct map',
      'direct map',
      'direct map',
      'direct map',
      'direct map',
      'other',
      'other',
      'other',
      'other',
      'other',
      'vmemmap',
      'other',
      'kernel image',
      'other',
    ]);
  });

  test('of ppc64 begin with the direct map', () => {
    expect(
      names('Start of kernel VM', 'vmalloc() Area', 'vmalloc() End', 'isa I/O start', 'vmemmap start'),
    ).toEqual(['direct map', 'vmalloc', 'other', 'I/O', 'vmemmap']);
  });

  test('at one place make one section, of the last', () => {
    const markers = ['Linear Mapping end', 'Modules start'].map((name) => ({ name, line: 3 }));
    expect(sectionsOf(markers, 'direct map')).toEqual([
      { name: 'direct map', line: 0 },
      { name: 'modules', line: 3 },
    ]);
  });

  test('that end what was not begun end nothing', () => {
    expect(names('Linear Mapping start', 'Modules end')).toEqual(['direct map', 'direct map']);
  });
});
