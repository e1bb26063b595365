/** The room of page-table entries: what other rooms and users of the library import from it. */

export { Arm64Format, type Arm64Geometry } from './arm64.ts';
export { describeEntry, describeLeaf, describeProtection, levelSizeName, sizeName } from './describe.ts';
export {
  type EntryFlags,
  type EntryFormat,
  EntryKind,
  hexAddress,
  hexWord,
  Restriction,
  type VirtualAddress,
} from './format.ts';
export { Loongarch64Format } from './loongarch64.ts';
export { Ppc64HashFormat } from './ppc64_hash.ts';
export { Ppc64RadixFormat } from './ppc64_radix.ts';
export { Riscv64Format } from './riscv64.ts';
export { S390xFormat } from './s390x.ts';
export { Sparc64Format } from './sparc64.ts';
export { type CachedTranslation, Tlb } from './tlb.ts';
export {
  type AddressRange,
  type Run,
  type RunKind,
  type WalkOptions,
  type WalkProblem,
  type WalkStep,
  walk,
  walkAddress,
} from './walk.ts';
export {
  _PAGE_ACCESSED,
  _PAGE_CACHE_MASK,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PAT,
  _PAGE_PAT_LARGE,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_SOFTW1,
  _PAGE_SOFTW2,
  _PAGE_SOFTW3,
  _PAGE_USER,
  PG_LEVEL_1G,
  PG_LEVEL_2M,
  PG_LEVEL_4K,
  PG_LEVEL_256T,
  PG_LEVEL_512G,
  PG_LEVEL_NONE,
  X86_HARDWARE,
  X86Format,
  type X86Geometry,
  type X86MemoryType,
} from './x86_64.ts';
