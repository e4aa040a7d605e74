/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_PGTABLE_H
#define NATIVE_ASM_PGTABLE_H
/* Headers of the scheduler's files mention page tables; nothing of it is ever executed. */
#include <asm/page.h>
#define PGDIR_SHIFT 39
#define PFN_PTE_SHIFT PAGE_SHIFT
#define PUD_SHIFT 30
#define PMD_SHIFT 21
#include <asm-generic/pgtable-nop4d.h>
#define PTRS_PER_PGD 512
#define PTRS_PER_PUD 512
#define PTRS_PER_PMD 512
#define PTRS_PER_PTE 512
#define PGDIR_SIZE (1UL << PGDIR_SHIFT)
#define PGDIR_MASK (~(PGDIR_SIZE - 1))
#define PUD_SIZE (1UL << PUD_SHIFT)
#define PUD_MASK (~(PUD_SIZE - 1))
#define PMD_SIZE (1UL << PMD_SHIFT)
#define PMD_MASK (~(PMD_SIZE - 1))
#define VMALLOC_START (1UL << 46)
#define VMALLOC_END (VMALLOC_START + (1UL << 40))
#define FIXADDR_TOP 0UL
#define PAGE_NONE __pgprot(0)
#define PAGE_READONLY __pgprot(1)
#define PAGE_SHARED __pgprot(3)
#define PAGE_KERNEL __pgprot(3)
#ifndef __ASSEMBLY__
struct mm_struct;
static inline int pte_none(pte_t pte) { return !pte.pte; }
static inline int pte_present(pte_t pte) { return pte.pte & 1; }
static inline int pte_write(pte_t pte) { return pte.pte & 2; }
static inline int pte_young(pte_t pte) { return pte.pte & 4; }
static inline int pte_dirty(pte_t pte) { return pte.pte & 8; }
static inline pte_t pte_wrprotect(pte_t pte) { return pte; }
static inline pte_t pte_mkold(pte_t pte) { return pte; }
static inline pte_t pte_mkyoung(pte_t pte) { return pte; }
static inline pte_t pte_mkdirty(pte_t pte) { return pte; }
static inline pte_t pte_mkclean(pte_t pte) { return pte; }
static inline pte_t pte_mkwrite_novma(pte_t pte) { return pte; }
#define pte_mkwrite(pte, ...) pte_mkwrite_novma(pte)
static inline pte_t pte_modify(pte_t pte, pgprot_t prot) { (void)prot; return pte; }
#define __HAVE_ARCH_PTE_SWP_EXCLUSIVE
static inline pte_t pte_swp_mkexclusive(pte_t pte) { return pte; }
static inline int pte_swp_exclusive(pte_t pte) { (void)pte; return 0; }
static inline pte_t pte_swp_clear_exclusive(pte_t pte) { return pte; }
#define pte_pfn(pte) (pte_val(pte) >> PAGE_SHIFT)
#define pte_page(pte) pfn_to_page(pte_pfn(pte))
#define pfn_pte(pfn, prot) __pte(((unsigned long)(pfn) << PAGE_SHIFT) | pgprot_val(prot))
static inline int pmd_none(pmd_t pmd) { return !pmd.pmd; }
static inline int pmd_bad(pmd_t pmd) { (void)pmd; return 0; }
static inline int pmd_present(pmd_t pmd) { return pmd.pmd & 1; }
static inline int pmd_leaf(pmd_t pmd) { (void)pmd; return 0; }
#define pmd_leaf pmd_leaf
static inline void pmd_clear(pmd_t *pmd) { pmd->pmd = 0; }
static inline unsigned long pmd_page_vaddr(pmd_t pmd) { return pmd.pmd & PAGE_MASK; }
#define pmd_pfn(pmd) (pmd_val(pmd) >> PAGE_SHIFT)
#define pmd_page(pmd) pfn_to_page(pmd_pfn(pmd))
static inline int pud_none(pud_t pud) { return !pud.pud; }
static inline int pud_bad(pud_t pud) { (void)pud; return 0; }
static inline int pud_present(pud_t pud) { return pud.pud & 1; }
static inline void pud_clear(pud_t *pud) { pud->pud = 0; }
static inline pmd_t *pud_pgtable(pud_t pud) { return (pmd_t *)(pud.pud & PAGE_MASK); }
#define pud_pfn(pud) (pud_val(pud) >> PAGE_SHIFT)
#define pud_page(pud) pfn_to_page(pud_pfn(pud))
static inline void set_pte(pte_t *at, pte_t pte) { *at = pte; }
static inline void set_pte_at(struct mm_struct *mm, unsigned long address, pte_t *at, pte_t pte)
{
  (void)mm;
  (void)address;
  *at = pte;
}
static inline void set_pmd(pmd_t *at, pmd_t pmd) { *at = pmd; }
static inline void set_pud(pud_t *at, pud_t pud) { *at = pud; }
static inline void pte_clear(struct mm_struct *mm, unsigned long address, pte_t *at)
{
  (void)mm;
  (void)address;
  at->pte = 0;
}
static inline int p4d_none(p4d_t p4d) { (void)p4d; return 0; }
static inline int p4d_bad(p4d_t p4d) { (void)p4d; return 0; }
static inline int p4d_present(p4d_t p4d) { (void)p4d; return 1; }
static inline void p4d_clear(p4d_t *p4d) { (void)p4d; }
static inline void set_p4d(p4d_t *at, p4d_t p4d) { *at = p4d; }
static inline pud_t *p4d_pgtable(p4d_t p4d) { (void)p4d; return (pud_t *)0; }
#define __swp_type(x) 0
#define __swp_offset(x) ((x).val)
#define __swp_entry(type, offset) ((swp_entry_t){ (offset) })
#define __pte_to_swp_entry(pte) ((swp_entry_t){ pte_val(pte) })
#define __swp_entry_to_pte(x) ((pte_t){ (x).val })
#define update_mmu_cache(vma, address, ptep) do { } while (0)
#define update_mmu_cache_range(vmf, vma, address, ptep, nr) do { } while (0)
#define flush_tlb_fix_spurious_fault(vma, address, ptep) do { } while (0)
extern pgd_t swapper_pg_dir[];
#define ZERO_PAGE(vaddr) ((struct page *)0)
#endif
#endif
