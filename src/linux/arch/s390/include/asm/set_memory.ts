/** What __set_memory() is asked for (arch/s390/include/asm/set_memory.h:10 of v7.2). */

export const SET_MEMORY_RO = 1 << 0;
export const SET_MEMORY_RW = 1 << 1;
export const SET_MEMORY_NX = 1 << 2;
export const SET_MEMORY_X = 1 << 3;
/** Since v6.1. */
export const SET_MEMORY_4K = 1 << 4;
/** Since v6.12, as the next. */
export const SET_MEMORY_INV = 1 << 5;
export const SET_MEMORY_DEF = 1 << 6;
