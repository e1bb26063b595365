/** Machines by their number in the ELF header (e_machine): ELF gABI, and the processor supplements. */

export const EM_PPC64 = 21;
export const EM_S390 = 22;
export const EM_SPARCV9 = 43;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;
export const EM_LOONGARCH = 258;

/** Whether the hardware reads page tables as big-endian whatever the kernel's data are. */
export function hasBigEndianTables(machine: number | undefined): boolean {
  return machine === EM_PPC64 || machine === EM_S390 || machine === EM_SPARCV9;
}
