/* Ours: the baseline that bench/check.js measures the checker beside, and no part of the model.
 *
 * Direct map, one large leaf of N small pages, NCPU CPUs, no cpa_lock (the debug_pagealloc case).
 * Every CPU for ever: take a free page; kernel_map_pages(page,1); touch it; kernel_map_pages(page,0); give it back.
 * The shape follows arch/x86/mm/pat/set_memory.c of 6.1: lookup, should-split under pgd_lock, an allocation
 * that may fail, split under pgd_lock, repeat, then an unlocked read-modify-write of the PTE.
 *   -DN=..      pages in the leaf (1..8)    -DNCPU=..  CPUs
 *   -DWHOLE     also a call that covers the whole leaf (it can make a large not-present entry)
 *   -DNOFAIL    the allocation never fails
 *   -DLARGEOK   do not report a large not-present entry as an error
 */
#ifndef N
#define N 4
#endif
#ifndef NCPU
#define NCPU 2
#endif
#define LP 0            /* large, present        */
#define LN 1            /* large, not present    */
#define TB 2            /* points to a PTE table */

byte pmd = LP;
bit  pte[N];
byte own[N];            /* 0 = free, else cpu+1 (the buddy allocator's lock makes taking and freeing atomic) */

#define PRESENT(i) (pmd == LP || (pmd == TB && pte[i] == 1))

/* straight-line code for "all pages", so that it can stand in a d_step */
#define A1(M,x) M(0,x)
#define A2(M,x) A1(M,x) M(1,x)
#define A3(M,x) A2(M,x) M(2,x)
#define A4(M,x) A3(M,x) M(3,x)
#define A5(M,x) A4(M,x) M(4,x)
#define A6(M,x) A5(M,x) M(5,x)
#define A7(M,x) A6(M,x) M(6,x)
#define A8(M,x) A7(M,x) M(7,x)
#define CAT2(a,b) a##b
#define CAT(a,b) CAT2(a,b)
#define SETP(q,x) pte[q] = x;
#define SETO(q,x) own[q] = x;
#define ISF(q,x) && own[q] == 0
#define SPLIT      CAT(A,N)(SETP,(pmd == LP -> 1 : 0)) pmd = TB
#define TAKEALL(x) CAT(A,N)(SETO,x) skip
#define ALLFREE    (true CAT(A,N)(ISF,0))

/* kernel_map_pages(first .. first+cnt-1, en): each turn of the loop is one __change_page_attr() */
inline map(first, cnt, en) {
    i = first;
    do
    :: i < first + cnt ->
        snap = pmd;                                         /* lookup_address(): the pmd */
        if
        :: snap == TB ->
            old = pte[i];                                   /* old_pte = *kpte */
            if
            :: old != en -> pte[i] = en                     /* set_pte_atomic() */
            :: else -> skip
            fi;
            i++
        :: else ->
            d_step {                                        /* should_split_large_page(), pgd_lock */
                snap = 0;
                if
                :: pmd == TB -> verdict = 3                 /* raced: somebody else split it */
                :: (pmd == LP && en == 1) || (pmd == LN && en == 0) -> verdict = 0
                :: else ->
                    if
                    :: cnt == N -> pmd = (en == 1 -> LP : LN); verdict = 2   /* large page preserved */
                    :: else -> verdict = 1
                    fi
                fi
            };
            if
            :: verdict == 0 -> i = i + 1
            :: verdict == 2 -> i = first + cnt
            :: verdict == 3 -> skip
            :: verdict == 1 ->
                if
                :: skip ->                                  /* alloc_pages() gave a page */
                    d_step {                                /* __split_large_page(), pgd_lock */
                        if
                        :: pmd != TB -> SPLIT
                        :: else -> skip
                        fi
                    }
#ifndef NOFAIL
                :: skip -> i = first + cnt                  /* -ENOMEM: the caller ignores it */
#endif
                fi
            fi;
            verdict = 0
        fi
    :: else -> i = 0; old = 0; snap = 0; break
    od
}

proctype cpu(byte id) {
    byte k, i, snap, verdict; bit old;
end:
    do
    :: atomic { select(k : 0 .. N-1); own[k] == 0 -> own[k] = id + 1 };
        map(k, 1, 1);
        assert(PRESENT(k));                                 /* a 4K page can always be mapped again */
        map(k, 1, 0);
        atomic { own[k] = 0; k = 0 }
#ifdef WHOLE
    :: atomic { ALLFREE -> TAKEALL(id + 1) };
        map(0, N, 1);
        map(0, N, 0);
        atomic { TAKEALL(0) }
#endif
    od
}

#ifndef LARGEOK
active proctype monitor() { atomic { pmd == LN -> assert(false) } }   /* no large not-present entry */
#endif

init { atomic { byte c = 0; do :: c < NCPU -> run cpu(c); c++ :: else -> break od } }
