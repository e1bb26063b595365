/** Which architecture a machine is of, and where that finds its page tables. */

import { InputError, NotModelledError } from '../errors.ts';
import {
  EM_AARCH64,
  EM_LOONGARCH,
  EM_PPC64,
  EM_RISCV,
  EM_S390,
  EM_SPARCV9,
  EM_X86_64,
} from '../memory/elf_machine.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import type { ArchName } from './address_space.ts';
import { locateArm64 } from './arch/arm64.ts';
import { locateLoongarch64 } from './arch/loongarch64.ts';
import { locatePpc64 } from './arch/ppc64.ts';
import { locateRiscv64 } from './arch/riscv64.ts';
import { locateS390x } from './arch/s390x.ts';
import { locateX86_64 } from './arch/x86_64.ts';
import type { Hints, Locate, Located } from './located.ts';

const LOCATE: Readonly<Record<ArchName, Locate>> = {
  x86_64: locateX86_64,
  arm64: locateArm64,
  riscv64: locateRiscv64,
  s390x: locateS390x,
  ppc64: locatePpc64,
  loongarch64: locateLoongarch64,
};

export const ARCH_NAMES = Object.keys(LOCATE) as ArchName[];

/** By the number of the machine in the ELF header. */
export const MACHINE_OF_ARCH: Readonly<Record<ArchName, number>> = {
  x86_64: EM_X86_64,
  arm64: EM_AARCH64,
  riscv64: EM_RISCV,
  s390x: EM_S390,
  ppc64: EM_PPC64,
  loongarch64: EM_LOONGARCH,
};

/** @throws InputError or NotModelledError that says what is missing, and which option gives it. */
export function locate(memory: MachineMemory, hints: Hints, where: string): Located {
  if (memory.xen === true) {
    throw new NotModelledError(
      'page tables under Xen',
      "those of a paravirtual guest hold the machine's frame numbers, which the dump does not translate",
      where,
    );
  }
  return LOCATE[archOf(memory, hints, where)](memory, hints, where);
}

function archOf(memory: MachineMemory, hints: Hints, where: string): ArchName {
  const { machine } = memory;
  const known =
    machine === undefined
      ? archOfVmcoreinfo(memory)
      : ARCH_NAMES.find((name) => MACHINE_OF_ARCH[name] === machine);
  const arch = hints.arch ?? known;
  if (machine === EM_SPARCV9 && arch === undefined) {
    throw new NotModelledError('sparc64', 'the format of its tables is not known here yet', where);
  }
  if (arch === undefined) {
    throw new InputError({
      code: 'missing',
      what: machine === undefined ? 'the architecture' : `an architecture for ELF machine ${machine}`,
      where,
      hint: `--arch gives it: ${ARCH_NAMES.join(', ')}`,
    });
  }
  if (known !== undefined && known !== arch) {
    throw new InputError({
      code: 'bad-format',
      what: 'architecture',
      where: '--arch',
      found: arch,
      expected: `${known}, which ${where} says that it is of`,
    });
  }
  return arch;
}

/** What only one architecture writes into its VMCOREINFO; it does not say which it is. */
function archOfVmcoreinfo({ vmcoreinfo }: MachineMemory): ArchName | undefined {
  if (vmcoreinfo === undefined) return undefined;
  if (vmcoreinfo.number('phys_base') !== undefined) return 'x86_64';
  if (vmcoreinfo.number('kimage_voffset') !== undefined) return 'arm64';
  if (vmcoreinfo.number('va_kernel_pa_offset') !== undefined) return 'riscv64';
  if (vmcoreinfo.field('SAMODE31') !== undefined) return 's390x';
  if (vmcoreinfo.symbol('mmu_vmemmap_psize') !== undefined) return 'ppc64';
  const topTable = vmcoreinfo.symbol('swapper_pg_dir') ?? 0n;
  return topTable >> 60n === 9n ? 'loongarch64' : undefined;
}
